//! A bounded queue in which networks take turns: whoever sends much waits behind himself, not others behind him.
//!
//! ```text
//!   192.0.2.0/24 ─── d c b a ──┐
//!   198.51.100.0/24 ──── f e ──┼──▶  a e g b f c d
//!   203.0.113.0/24 ─────── g ──┘
//! ```

use std::collections::{HashMap, VecDeque};

/// What waits, by source.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    waiting: HashMap<String, VecDeque<T>>,
    /// The sources that have something waiting, in the order of their turns.
    turns: VecDeque<String>,
    len: usize,
    len_max: usize,
}

impl<T> FairQueue<T> {
    /// For so many in all.
    pub(super) fn new(len_max: usize) -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new(), len: 0, len_max }
    }

    /// Puts something behind what its source has waiting; whether there was room for it. A source may have as much
    /// waiting as there is room left: alone it gets half of the queue, and the last slot goes only to one that has none.
    pub(super) fn push(&mut self, source: &str, item: T) -> bool {
        let of_source = self.waiting.get(source).map_or(0, VecDeque::len);
        if of_source >= self.len_max.saturating_sub(self.len) {
            return false;
        }
        self.waiting.entry(source.to_owned()).or_default().push_back(item);
        if of_source == 0 {
            self.turns.push_back(source.to_owned());
        }
        self.len += 1;
        true
    }

    /// The next one of the source whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let source = self.turns.pop_front()?;
        let queue = self.waiting.get_mut(&source)?;
        let item = queue.pop_front()?;
        self.len -= 1;
        if queue.is_empty() {
            self.waiting.remove(&source);
        } else {
            self.turns.push_back(source);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_take_turns_and_each_keeps_its_order() {
        let mut queue = FairQueue::new(100);
        for (source, item) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6)] {
            assert!(queue.push(source, item));
        }
        let order: Vec<i32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [1, 4, 5, 2, 6, 3]);
        assert!(queue.waiting.is_empty() && queue.turns.is_empty() && queue.len == 0);
    }

    #[test]
    fn sec_0078_one_network_fills_its_share_of_the_hashing_queue_and_the_others_find_room() {
        let mut queue = FairQueue::new(8);
        let flooded = (0..100).filter(|item| queue.push("flood", *item)).count();
        assert_eq!(flooded, 4);
        assert!(["a", "b", "c", "d"].into_iter().all(|source| queue.push(source, 0)));
        assert!(!queue.push("e", 0), "eight in all");
    }
}
