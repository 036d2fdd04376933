use std::collections::VecDeque;
use std::io::Read as _;
use std::task::Waker;

use proptest::prelude::*;

use super::super::places::Places;
use super::*;
use crate::server::Frames;
use crate::wire::coding::Coding;

/// Frames of these, with a wait before each where it is so.
struct Source {
    frames: VecDeque<Bytes>,
    waits: bool,
    waited: bool,
}

impl HttpBody for Source {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        self.waited = !self.waited;
        match self.waits && self.waited {
            true => Poll::Pending,
            false => Poll::Ready(self.frames.pop_front().map(|frame| Ok(Frame::data(frame)))),
        }
    }
}

/// What comes out in each poll until the end; nothing where it was to be polled again.
fn polls(coding: Coding, frames: VecDeque<Bytes>, waits: bool, flushes: bool) -> Vec<Vec<u8>> {
    let source = Body::Stream(Frames::new(Source { frames, waits, waited: false }));
    let place = Places::new(1).take(None).unwrap();
    let mut coded = Coded::new(source, Encoder::new(coding).unwrap(), place, flushes);
    let mut polls = Vec::new();
    loop {
        match Pin::new(&mut coded).poll_frame(&mut Poller::from_waker(Waker::noop())) {
            Poll::Ready(None) => {
                assert!(coded.is_end_stream());
                return polls;
            }
            Poll::Ready(Some(frame)) => polls.push(frame.unwrap().into_data().unwrap().to_vec()),
            Poll::Pending => polls.push(Vec::new()),
        }
    }
}

fn decoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    match coding {
        Coding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut content).unwrap(),
        _ => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut content).unwrap(),
    };
    content
}

fn content(octets: usize) -> Bytes {
    let word = |n: usize| format!("{} ", n.wrapping_mul(2_654_435_761) % 1009);
    (0..).map(word).flat_map(String::into_bytes).take(octets).collect()
}

fn cut(content: &Bytes, mut lengths: impl Iterator<Item = usize>) -> VecDeque<Bytes> {
    let mut rest = content.clone();
    let mut frames = VecDeque::new();
    while !rest.is_empty() {
        let octets = lengths.next().unwrap_or(usize::MAX).min(rest.len());
        frames.push_back(rest.split_to(octets));
    }
    frames
}

#[test]
fn no_poll_codes_more_than_a_block() {
    for coding in [Coding::Gzip, Coding::Brotli] {
        let all = content(10 * BLOCK);
        let polls = polls(coding, VecDeque::from([all.clone()]), false, true);
        assert!(polls.len() >= 10, "{coding} {}", polls.len());
        assert_eq!(decoded(coding, &polls.concat()), all);
    }
}

#[test]
fn a_content_of_nothing_is_a_coding_of_nothing() {
    for coding in [Coding::Gzip, Coding::Brotli] {
        let polls = polls(coding, VecDeque::new(), false, true);
        assert_eq!(decoded(coding, &polls.concat()), b"");
        assert!(!polls.concat().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_the_frames_the_content_is_the_same(
        octets in 0_usize..120_000, lengths in proptest::collection::vec(0_usize..70_000, 1..40),
        waits: bool, flushes: bool
    ) {
        let all = content(octets);
        for coding in [Coding::Gzip, Coding::Brotli] {
            let frames = cut(&all, lengths.iter().copied().map(|length| length.max(1)));
            let out = polls(coding, frames, waits, flushes).concat();
            prop_assert_eq!(&decoded(coding, &out)[..], &all[..]);
            if !flushes {
                let whole = whole(&all, Encoder::new(coding).unwrap()).unwrap();
                prop_assert!(out == whole, "a strong validator must be of the same octets");
            }
        }
    }
}
