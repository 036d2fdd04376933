//! Programs in the languages that they are written in.

use super::*;

/// Whether this program is there. `ROPEWALK_REQUIRE_PEERS=1` says that it must be.
fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has = std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    let required = std::env::var_os("ROPEWALK_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(has || !required, "{program} is not installed");
    if !has {
        println!("skipped: {program} is not installed");
    }
    has
}

const POST: &str = "POST /form.EXT/more?q=1 HTTP/1.0\r\nHost: x\r\n\
    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\nname=a%20b&x";

async fn post(cgi: Cgi, extension: &str) -> (String, String) {
    ask(cgi, POST.replace("EXT", extension)).await
}

#[tokio::test]
async fn php_by_extension() {
    if !has("php-cgi") {
        return;
    }
    let place = Place::new()
        .with(
            "form.php",
            "<?php header('X-A: b'); echo $_POST['name'], '|', $_GET['q'], '|', $_SERVER['PATH_INFO'], '|', \
            $_SERVER['PHP_SELF'], '|', basename(getcwd()), '|', basename(__FILE__);",
        )
        .with("go.php", "<?php header('Location: /elsewhere');")
        .with("away.php", "<?php http_response_code(404); error_log('not here');")
        .with("upload.php", "<?php echo $_FILES['f']['name'], ':', $_FILES['f']['size'];")
        .with("slow.php", "<?php echo 'first'; while (ob_get_level()) ob_end_flush(); flush(); sleep(1000);");
    let cgi = || Cgi::new(place.0.path()).extension("php", ["php-cgi"]).index("form.php");
    let folder = place.0.path().file_name().unwrap().to_str().unwrap();
    let (head, content) = post(cgi(), "php").await;
    assert_eq!(content, format!("a b|1|/more|/form.php/more|{folder}|form.php"), "{head}");
    assert!(head.contains("x-a: b") && status(&head) == "200", "{head}");
    let (head, _) = get(LocalRedirects::new(cgi()), "/go.php").await;
    assert!(status(&head) == "302" && head.contains("location: /elsewhere"), "{head}");
    assert_eq!(status(&get(cgi(), "/away.php").await.0), "404");
    assert_eq!(status(&get(cgi(), "/?q=2").await.0), "200");
    // What made php-cgi infamous: its options in the query.
    let (_, content) = get(cgi(), "/form.php?-s").await;
    assert!(!content.contains("&lt;?php") && !content.contains("<code"), "{content}");
    let upload =
        "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\n\r\n12345\r\n--B--\r\n";
    let request = format!(
        "POST /upload.php HTTP/1.0\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\n\r\n{upload}",
        upload.len()
    );
    assert_eq!(ask(cgi(), request).await.1, "x.txt:5");
    let mut client = Client::of(cgi());
    client.send("GET /slow.php HTTP/1.1\r\nHost: x\r\n\r\n").await;
    client.until("first\r\n").await;
}

#[tokio::test]
async fn perl_by_its_first_line() {
    if !has("perl") {
        return;
    }
    let text = "#!/usr/bin/env perl\nuse strict; local $| = 1;\n\
        read(STDIN, my $form, $ENV{CONTENT_LENGTH});\n\
        print \"Content-Type: text/plain\\n\\n$form|$ENV{PATH_INFO}|$ENV{QUERY_STRING}\";\n";
    let place = Place::new().executable("form.pl", text);
    let (head, content) = post(Cgi::new(place.0.path()), "pl").await;
    assert_eq!(content, "name=a%20b&x|/more|q=1", "{head}");
}

#[tokio::test]
async fn python_by_extension() {
    if !has("python3") {
        return;
    }
    let text = "import os, sys\nform = sys.stdin.read(int(os.environ['CONTENT_LENGTH']))\n\
        print('Content-Type: text/plain\\n')\nprint(form, os.environ['SCRIPT_NAME'], sep='|', end='')\n";
    let place = Place::new().with("form.py", text);
    let python = std::env::var_os("PATH").unwrap();
    let python =
        std::env::split_paths(&python).map(|dir| dir.join("python3")).find(|file| file.is_file()).unwrap();
    let cgi = Cgi::new(place.0.path()).extension("py", [python.into_os_string(), "-E".into()]);
    let cgi = cgi.variable("HOME", std::env::var_os("HOME").unwrap_or_default());
    let cgi = cgi.variable("PATH", std::env::var_os("PATH").unwrap_or_default());
    let (head, content) = post(cgi, "py").await;
    assert_eq!(content, "name=a%20b&x|/form.py", "{head}");
}
