//! Reads a zone's text and tells how long that took.
//!
//! # Run it
//! `cargo run --release -p ropewalk-dns --example zone-load -- FILE ORIGIN`
//!
//! # Expected output
//! `1000003 records in 0.412 s`, after what is wrong with the zone.

use std::path::Path;
use std::time::Instant;

use ropewalk_dns::wire::Name;
use ropewalk_dns::zone::text::read_file;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(origin)) = (arguments.next(), arguments.next()) else {
        return Err("usage: zone-load FILE ORIGIN".into());
    };
    let origin: Name = origin.parse()?;
    let start = Instant::now();
    let mut octets = 0;
    let reading = read_file(Path::new(&file), Some(origin.view()), &mut |record, _| {
        octets += record.name.wire().len() + record.rdata.len();
    });
    let took = start.elapsed().as_secs_f64();
    for problem in &reading.problems {
        println!("{problem}");
    }
    println!("{} records in {took:.3} s, {octets} octets of names and data", reading.records);
    Ok(())
}
