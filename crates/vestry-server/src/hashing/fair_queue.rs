//! A bounded queue in which networks take turns: a network that sends much waits behind itself, not others behind it. When the
//! queue is full, the network that has most waiting makes room for one that has nothing waiting: as long as fewer networks send
//! than the queue has places, none of them is kept out by the others.
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

/// What became of something that was pushed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed<T> {
    /// It waits.
    Waits,
    /// It waits where this waited, which is turned away.
    InPlaceOf(T),
    /// There is no room for it.
    Refused,
}

impl<T> FairQueue<T> {
    /// For so many in all.
    pub(super) fn new(len_max: usize) -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new(), len: 0, len_max }
    }

    /// Puts something behind what its source has waiting. A source may have as much waiting as there is room left: alone it
    /// gets half of the queue, and the last slot goes only to one that has none. One that has none also gets a slot of the
    /// source that has most, if that has more than one.
    pub(super) fn push(&mut self, source: &str, item: T) -> Pushed<T> {
        let of_source = self.waiting.get(source).map_or(0, VecDeque::len);
        if of_source >= self.len_max.saturating_sub(self.len) {
            if of_source > 0 {
                return Pushed::Refused;
            }
            let fullest = self.waiting.values_mut().max_by_key(|queue| queue.len());
            let fullest = fullest.filter(|queue| queue.len() > 1);
            // The source of the newest keeps its turn, since something of it still waits.
            let Some(displaced) = fullest.and_then(VecDeque::pop_back) else { return Pushed::Refused };
            self.len -= 1;
            self.append(source, item);
            return Pushed::InPlaceOf(displaced);
        }
        self.append(source, item);
        Pushed::Waits
    }

    fn append(&mut self, source: &str, item: T) {
        let queue = self.waiting.entry(source.to_owned()).or_default();
        if queue.is_empty() {
            self.turns.push_back(source.to_owned());
        }
        queue.push_back(item);
        self.len += 1;
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
            assert_eq!(queue.push(source, item), Pushed::Waits);
        }
        let order: Vec<i32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [1, 4, 5, 2, 6, 3]);
        assert!(queue.waiting.is_empty() && queue.turns.is_empty() && queue.len == 0);
    }

    #[test]
    fn sec_0078_one_network_fills_its_share_of_the_queue_and_others_find_room() {
        let mut queue = FairQueue::new(8);
        let flooded = (0..100).filter(|item| queue.push("flood", *item) == Pushed::Waits).count();
        assert_eq!(flooded, 4);
        assert!(["a", "b", "c", "d"].into_iter().all(|source| queue.push(source, 0) == Pushed::Waits));
        // Eight in all: from here on the flood makes room, its newest first, down to one.
        assert_eq!(["e", "f", "g"].map(|source| queue.push(source, 0)), [3, 2, 1].map(Pushed::InPlaceOf));
        assert_eq!(queue.push("h", 0), Pushed::Refused, "eight networks have one each");
        assert_eq!(queue.push("flood", 100), Pushed::Refused);
        let order: Vec<i32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!((order.len(), queue.len), (8, 0));
        assert!(queue.waiting.is_empty() && queue.turns.is_empty());
    }

    /// Seven networks that push whenever they can, and one that comes now and then: whenever it comes, there is room.
    #[test]
    fn a_network_with_nothing_waiting_finds_room_while_fewer_send_than_there_are_slots() {
        let mut queue = FairQueue::new(8);
        let networks = ["a", "b", "c", "d", "e", "f", "g"];
        for round in 0..1_000 {
            for number in 0..20 {
                queue.push(networks[(round * 3 + number * number) % 7], "flood");
            }
            assert_ne!(queue.push("good", "good"), Pushed::Refused, "round {round}");
            while queue.pop() != Some("good") {
                queue.push(networks[round % 7], "flood");
            }
        }
    }
}
