use std::sync::Arc;

/// The pages of a segment.
const SEGMENT: usize = 256;
/// The items of a page in the mean, as a table is made.
const MEAN: usize = 8;
/// The items of a page in the mean at which there are made twice as many pages.
const FULL: usize = 16;

/// What is kept in a [`Table`].
pub(crate) trait Item: Clone {
    /// Of its name.
    fn hash(&self) -> u32;

    /// Its name, in wire form.
    fn name(&self) -> &[u8];
}

/// A hash table of names whose copies share all that is the same in them: a copy and a change cost a few hundred
/// counts of references, however large the table.
///
/// An item is in the page that the first bits of its hash say; 256 pages are a segment.
#[derive(Clone, Debug)]
pub(crate) struct Table<T> {
    segments: Vec<Arc<[Page<T>]>>,
    /// The number of pages is two to this power.
    bits: u32,
    len: usize,
}

type Page<T> = Arc<[T]>;

impl<T: Item> Table<T> {
    /// A table of these items, no two of which have the same name.
    pub(crate) fn new(mut items: Vec<T>) -> Self {
        items.sort_unstable_by_key(Item::hash);
        let bits = (items.len() / MEAN).max(1).next_power_of_two().ilog2();
        let (mut segments, mut pages) = (Vec::new(), Vec::new());
        let (len, count) = (items.len(), 1_usize << bits);
        let mut items = items.into_iter().peekable();
        for page in 0..count {
            let of_page = std::iter::from_fn(|| items.next_if(|item| number(item.hash(), bits) == page));
            pages.push(of_page.collect());
            if pages.len() == SEGMENT.min(count) {
                segments.push(pages.drain(..).collect());
            }
        }
        Self { segments, bits, len }
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The item of this name.
    pub(crate) fn find(&self, hash: u32, name: &[u8]) -> Option<&T> {
        self.search(hash, |other| other.eq_ignore_ascii_case(name))
    }

    /// The item of this hash whose name is the one.
    pub(crate) fn search(&self, hash: u32, is: impl Fn(&[u8]) -> bool) -> Option<&T> {
        let page = number(hash, self.bits);
        let page = self.segments.get(page / SEGMENT)?.get(page % SEGMENT)?;
        page.iter().find(|item| item.hash() == hash && is(item.name()))
    }

    /// The item of this name, to be changed in all but its name.
    pub(crate) fn find_mut(&mut self, hash: u32, name: &[u8]) -> Option<&mut T> {
        let page = Arc::make_mut(self.page(hash)?);
        page.iter_mut().find(|item| item.hash() == hash && item.name().eq_ignore_ascii_case(name))
    }

    /// Adds an item whose name is not there yet.
    pub(crate) fn insert(&mut self, item: T) {
        if self.len >= FULL << self.bits {
            *self = Self::new(self.iter().cloned().collect());
        }
        if let Some(page) = self.page(item.hash()) {
            *page = page.iter().cloned().chain([item]).collect();
            self.len += 1;
        }
    }

    /// Takes out the item of this name.
    pub(crate) fn remove(&mut self, hash: u32, name: &[u8]) {
        if let Some(page) = self.page(hash) {
            let is = |item: &&T| !(item.hash() == hash && item.name().eq_ignore_ascii_case(name));
            let left: Page<T> = page.iter().filter(is).cloned().collect();
            let removed = page.len() - left.len();
            *page = left;
            self.len -= removed;
        }
    }

    /// The names of the items that are in one of both tables only, or that `same` tells apart. What they share is not looked at.
    pub(crate) fn differing<'a>(&'a self, other: &'a Self, same: impl Fn(&T, &T) -> bool) -> Vec<&'a [u8]> {
        let mut names = Vec::new();
        let mut compare = |ours: &'a Self, theirs: &Self, both: bool| {
            for (number, pages) in ours.segments.iter().enumerate() {
                let like = (ours.bits == theirs.bits).then(|| theirs.segments.get(number)).flatten();
                if like.is_some_and(|like| Arc::ptr_eq(like, pages)) {
                    continue;
                }
                for (number, page) in pages.iter().enumerate() {
                    let like = like.and_then(|like| like.get(number));
                    if like.is_some_and(|like| Arc::ptr_eq(like, page)) {
                        continue;
                    }
                    let is_other = |item: &&T| match theirs.find(item.hash(), item.name()) {
                        Some(there) => both && !same(item, there),
                        None => true,
                    };
                    names.extend(page.iter().filter(is_other).map(Item::name));
                }
            }
        };
        compare(self, other, true);
        compare(other, self, false);
        names
    }

    /// All items, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flat_map(|pages| pages.iter()).flat_map(|page| page.iter())
    }

    fn page(&mut self, hash: u32) -> Option<&mut Page<T>> {
        let page = number(hash, self.bits);
        Arc::make_mut(self.segments.get_mut(page / SEGMENT)?).get_mut(page % SEGMENT)
    }
}

/// The page of a hash among two to the power of `bits`.
fn number(hash: u32, bits: u32) -> usize {
    (u64::from(hash) << bits >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Word(u32, String, u32);

    impl Item for Word {
        fn hash(&self) -> u32 {
            self.0
        }

        fn name(&self) -> &[u8] {
            self.1.as_bytes()
        }
    }

    fn word(n: u32) -> Word {
        Word(n.wrapping_mul(0x9e37_79b9), format!("w{n}"), n)
    }

    fn found(table: &Table<Word>, n: u32) -> Option<u32> {
        let Word(hash, name, _) = word(n);
        table.find(hash, name.to_uppercase().as_bytes()).map(|word| word.2)
    }

    #[test]
    fn what_was_put_in_is_found() {
        for count in [0, 1, 7, 100, 10_000] {
            let mut table = Table::new((0..count).map(word).collect());
            (count..count + 5000).for_each(|n| table.insert(word(n)));
            assert_eq!(table.len(), count as usize + 5000);
            assert!((0..count + 5000).all(|n| found(&table, n) == Some(n)));
            assert_eq!(found(&table, count + 5000), None);
            assert_eq!(table.iter().count(), table.len());
        }
    }

    #[test]
    fn names_of_the_same_hash_are_told_apart() {
        let mut table = Table::new(vec![Word(1, "a".into(), 1), Word(1, "b".into(), 2)]);
        table.remove(1, b"A");
        assert_eq!(table.find(1, b"a"), None);
        assert_eq!(table.find(1, b"b").unwrap().2, 2);
    }

    #[test]
    fn a_change_is_not_seen_in_the_copy_that_was_made_before() {
        let before = Table::new((0..1000).map(word).collect());
        let mut after = before.clone();
        after.remove(word(1).0, b"w1");
        after.insert(word(2000));
        after.find_mut(word(3).0, b"w3").unwrap().2 = 33;
        assert_eq!([1, 3, 2000].map(|n| found(&before, n)), [Some(1), Some(3), None]);
        assert_eq!([1, 3, 2000].map(|n| found(&after, n)), [None, Some(33), Some(2000)]);
        assert_eq!((before.len(), after.len()), (1000, 1000));
    }

    #[test]
    fn tables_tell_what_is_other_in_them() {
        let before = Table::new((0..1000).map(word).collect());
        let mut after = before.clone();
        after.remove(word(1).0, b"w1");
        after.insert(word(2000));
        after.find_mut(word(3).0, b"w3").unwrap().2 = 33;
        let anew = Table::new(after.iter().cloned().collect());
        let grown = Table::new(after.iter().cloned().chain((5000..20_000).map(word)).collect());
        let names = |a: &Table<Word>, b: &Table<Word>| {
            let mut names: Vec<_> =
                a.differing(b, |a, b| a.2 == b.2).into_iter().map(<[u8]>::to_vec).collect();
            names.sort();
            names
        };
        for after in [&after, &anew] {
            assert_eq!(names(&before, after), [b"w1".to_vec(), b"w2000".to_vec(), b"w3".to_vec()]);
        }
        assert_eq!(names(&after, &anew).len(), 0);
        assert_eq!(names(&after, &grown).len(), 15_000);
        assert_eq!(names(&grown, &after).len(), 15_000);
    }

    #[test]
    fn a_change_copies_little() {
        let before = Table::new((0..100_000).map(word).collect());
        let mut after = before.clone();
        after.remove(word(1).0, b"w1");
        let shared = before.segments.iter().zip(&after.segments).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!(shared, before.segments.len() - 1);
    }
}
