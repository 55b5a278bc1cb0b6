//! Which of two events of different hosts came first, where that can be known.

use super::mapped::Mapped;

/// The order of two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The first was before the second, whatever the clocks did.
    Before,
    /// It was after it.
    After,
    /// Their intervals overlap: shown as `~`.
    Unknown,
}

impl Order {
    /// Of two times on one clock.
    #[must_use]
    pub fn of(one: &Mapped, other: &Mapped) -> Self {
        let certainly = |a: Option<i64>, b: Option<i64>| a.zip(b).is_some_and(|(a, b)| a < b);
        if certainly(one.latest, other.earliest) {
            Self::Before
        } else if certainly(other.latest, one.earliest) {
            Self::After
        } else {
            Self::Unknown
        }
    }

    /// As views print it between two events.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Before => '<',
            Self::After => '>',
            Self::Unknown => '~',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_known_only_where_the_intervals_do_not_touch() {
        let time = |earliest, latest| Mapped { earliest, latest };
        let early = time(Some(10), Some(20));
        assert_eq!(Order::of(&early, &time(Some(21), None)), Order::Before);
        assert_eq!(Order::of(&time(Some(21), None), &early), Order::After);
        assert_eq!(Order::of(&early, &time(Some(20), Some(30))), Order::Unknown);
        assert_eq!(Order::of(&early, &time(None, Some(100))), Order::Unknown);
        assert_eq!(Order::of(&Mapped::UNKNOWN, &Mapped::UNKNOWN), Order::Unknown);
    }
}
