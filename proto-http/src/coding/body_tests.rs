use std::collections::VecDeque;
use std::io::Read as _;

use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
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

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        self.waited = !self.waited;
        match self.waits && self.waited {
            true => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            false => Poll::Ready(self.frames.pop_front().map(|frame| Ok(Frame::data(frame)))),
        }
    }
}

fn coded(coding: Coding, frames: VecDeque<Bytes>, waits: bool, flushes: bool, pool: &Arc<Pool>) -> Coded {
    let source = Body::Stream(Frames::new(Source { frames, waits, waited: false }));
    let place = Places::new(1).take(None).unwrap();
    Coded::new(source, Encoder::new(coding).unwrap(), pool, place, flushes)
}

/// The frames that come out.
async fn frames(coding: Coding, frames: VecDeque<Bytes>, waits: bool, flushes: bool) -> Vec<Vec<u8>> {
    let mut coded = coded(coding, frames, waits, flushes, &Arc::new(Pool::new(1, 1)));
    let mut out = Vec::new();
    while let Some(frame) = coded.frame().await {
        out.push(frame.unwrap().into_data().unwrap().to_vec());
    }
    assert!(coded.is_end_stream());
    out
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
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
fn a_block_is_coded_at_once_and_no_more() {
    // Noise, of which something comes out whenever something went in.
    let noise = std::iter::successors(Some(1_u64), |x| {
        let x = x ^ (x << 13);
        let x = x ^ (x >> 7);
        Some(x ^ (x << 17))
    });
    let all: Bytes = noise.map(|x| x.to_le_bytes()[3]).take(20 * BLOCK).collect();
    for coding in [Coding::Gzip, Coding::Brotli] {
        let frames = run(frames(coding, VecDeque::from([all.clone()]), false, true));
        assert!(frames.len() >= 10, "{coding} {}", frames.len());
        assert_eq!(decoded(coding, &frames.concat()), all);
    }
}

#[tokio::test]
async fn whoever_asks_for_it_does_not_code_it() {
    let pool = Arc::new(Pool::new(1, 9));
    let (go_on, may_go_on) = std::sync::mpsc::sync_channel::<()>(1);
    let mut busy = Box::pin(pool.run(move || may_go_on.recv().ok()));
    assert!(busy.as_mut().now_or_never().is_none());
    for coding in [Coding::Gzip, Coding::Brotli] {
        let encoder = || Encoder::new(coding).unwrap();
        assert!(whole(content(BLOCK), encoder(), &pool).now_or_never().is_none(), "{coding}");
        let mut long = coded(coding, VecDeque::from([content(9 * BLOCK)]), false, true, &pool);
        assert!(long.frame().now_or_never().is_none(), "{coding}");
    }
    go_on.send(()).unwrap();
    busy.await.unwrap();
    assert!(whole(content(BLOCK), Encoder::new(Coding::Gzip).unwrap(), &pool).await.is_ok());
}

#[test]
fn a_content_of_nothing_is_a_coding_of_nothing() {
    for coding in [Coding::Gzip, Coding::Brotli] {
        let frames = run(frames(coding, VecDeque::new(), false, true)).concat();
        assert_eq!(decoded(coding, &frames), b"");
        assert!(!frames.is_empty());
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
            let lengths = lengths.iter().copied().map(|length| length.max(1));
            let out = run(frames(coding, cut(&all, lengths), waits, flushes)).concat();
            prop_assert_eq!(&decoded(coding, &out)[..], &all[..]);
            if !flushes && octets <= BLOCK {
                let whole = run(whole(all.clone(), Encoder::new(coding).unwrap(), &Pool::new(1, 0))).unwrap();
                prop_assert!(out == whole, "a strong validator must be of the same octets");
            }
        }
    }
}
