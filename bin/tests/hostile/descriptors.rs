use std::time::Duration;

use super::subject::{Subject, alone, new_dir, pause, until};

#[test]
fn without_descriptors_accepting_pauses_and_goes_on_when_there_are_some() {
    let _alone = alone();
    let config = "[files.main]\npath = \"root\"\n[limits]\nfirst_byte = \"5m\"\n[[service]]\nkind = \"http\"\n\
                  files = \"main\"\nlisten = [\"tcp:0:interface=127.0.0.1\"]\n";
    let subject = Subject::start(new_dir(), config, Some(64));
    // Those for whom there is no descriptor wait in the socket's queue.
    let crowd: Vec<_> = (0..120).map(|_| subject.connect()).collect();
    until("descriptors have run out", || subject.descriptors() >= 64);
    until("that is told", || subject.log().contains("cannot accept"));
    let used = subject.processor();
    pause(Duration::from_secs(2));
    let used = subject.processor() - used;
    assert!(used < Duration::from_millis(100), "{used:?} of processor time in two seconds without work");
    let told = subject.log().matches("trying on").count();
    // One thread may have told it while another took the last.
    assert!(told <= 2, "told {told} times");
    drop(crowd);
    until("there is room", || subject.descriptors() < 40);
    assert_eq!(subject.get("/a.txt").0, 200);
}
