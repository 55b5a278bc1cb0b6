//! The points that matter: of a million messages, the few that were fastest.
//!
//! A line that passes below all points passes below the lower convex hull of them, and nothing else need be kept.

use super::{
    bound::{Bound, Message, Point},
    slope::{LEAST, MOST, Slope},
};

/// Most points kept. Random delays leave some ten; beyond this, every second one is let go. A point less never makes a
/// line impossible that was possible, so the bounds stay true and become a little wider.
pub(super) const MAX_POINTS: usize = 128;

/// Where a time lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the first point.
    Before,
    /// Between this point and the next.
    Within(usize),
    /// Not before the last point.
    After,
}

/// The lower hull of request points, or the upper hull of reply points, from left to right.
#[derive(Debug, Clone)]
pub(super) struct Hull {
    message: Message,
    points: Vec<Point>,
}

impl Hull {
    pub fn new(message: Message) -> Self {
        Self { message, points: Vec::new() }
    }

    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Takes a point, from any time. The usual one is the latest, which costs amortised constant time, or changes
    /// nothing, which costs a binary search.
    pub fn insert(&mut self, point: Point) {
        let mut at = self.points.partition_point(|it| it.x < point.x);
        if let Some(&same) = self.points.get(at).filter(|it| it.x == point.x) {
            if !self.is_beyond(point.ahead, same.ahead) {
                return;
            }
            self.points.remove(at);
        }
        if at > 0 && at < self.points.len() && !self.is_corner(self.points[at - 1], point, self.points[at]) {
            return;
        }
        self.points.insert(at, point);
        while at >= 2 && !self.is_corner(self.points[at - 2], self.points[at - 1], point) {
            at -= 1;
            self.points.remove(at);
        }
        while at + 2 < self.points.len() && !self.is_corner(point, self.points[at + 1], self.points[at + 2]) {
            self.points.remove(at + 1);
        }
        self.keep(LEAST, MOST);
        self.thin_out();
    }

    /// Forgets the points that no line with a slope between these can touch first.
    pub fn keep(&mut self, least: Slope, most: Slope) {
        let rising = self.message == Message::Request;
        let (first, last) = if rising { (least, most) } else { (most, least) };
        let useless_first = self.points.windows(2).take_while(|edge| {
            let slope = edge[0].slope_to(edge[1]);
            if rising { slope <= first } else { slope >= first }
        });
        let useless_first = useless_first.count();
        self.points.drain(..useless_first);
        let useless_last = self.points.windows(2).rev().take_while(|edge| {
            let slope = edge[0].slope_to(edge[1]);
            if rising { slope >= last } else { slope <= last }
        });
        let useless_last = useless_last.count();
        self.points.truncate(self.points.len() - useless_last);
    }

    fn thin_out(&mut self) {
        if self.points.len() > MAX_POINTS {
            let last = self.points.len() - 1;
            let mut nth = 0..;
            self.points.retain(|_| nth.next().is_some_and(|nth| nth % 2 == 0 || nth == last));
        }
    }

    /// Where `t` lies.
    pub fn place(&self, t: i64) -> Place {
        match self.points.partition_point(|it| it.x <= t) {
            0 => Place::Before,
            right if right == self.points.len() => Place::After,
            right => Place::Within(right - 1),
        }
    }

    /// The point that a line of this slope touches first, coming from the permitted side.
    pub fn touched_by(&self, slope: Slope) -> Option<Point> {
        let (mut low, mut high) = (0, self.points.len().checked_sub(1)?);
        while low < high {
            let middle = low.midpoint(high);
            let edge = self.points[middle].slope_to(self.points[middle + 1]);
            let further = if self.message == Message::Request { edge < slope } else { edge > slope };
            if further {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.points.get(low).copied()
    }

    /// Whether `value` forbids more than `than` does.
    fn is_beyond(&self, value: i64, than: i64) -> bool {
        match self.message {
            Message::Request => value < than,
            Message::Reply => value > than,
        }
    }

    /// Whether `middle` sticks out of the line from `left` to `right`.
    fn is_corner(&self, left: Point, middle: Point, right: Point) -> bool {
        let (to_middle, to_right) = (left.slope_to(middle), left.slope_to(right));
        match self.message {
            Message::Request => to_middle < to_right,
            Message::Reply => to_middle > to_right,
        }
    }
}

/// What many messages prove together.
#[derive(Debug, Clone)]
pub(super) struct Messages {
    /// A line passes below these.
    pub requests: Hull,
    /// And above these.
    pub replies: Hull,
}

impl Default for Messages {
    fn default() -> Self {
        Self { requests: Hull::new(Message::Request), replies: Hull::new(Message::Reply) }
    }
}

impl Messages {
    pub fn insert(&mut self, bound: Bound) {
        match bound.message {
            Message::Request => self.requests.insert(bound.point),
            Message::Reply => self.replies.insert(bound.point),
        }
    }

    /// Those that matter.
    pub fn bounds(&self) -> impl Iterator<Item = Bound> {
        let requests = self.requests.points().iter().map(|&point| Bound { message: Message::Request, point });
        let replies = self.replies.points().iter().map(|&point| Bound { message: Message::Reply, point });
        requests.chain(replies)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// The hull by its definition: a point belongs to it unless two others, or one at the same time, hide it.
    fn slow(points: &[Point]) -> Vec<Point> {
        let mut left: Vec<Point> = points.to_vec();
        left.sort_by_key(|it| (it.x, it.ahead));
        left.dedup_by_key(|it| it.x);
        let hidden = |point: &Point| {
            left.iter()
                .filter(|a| a.x < point.x)
                .any(|a| left.iter().filter(|b| b.x > point.x).any(|b| a.slope_to(*point) >= a.slope_to(*b)))
        };
        left.iter().filter(|it| !hidden(it)).copied().collect()
    }

    fn point() -> impl Strategy<Value = Point> {
        // Near each other, so that many lie on one line, and flat enough for no edge to be too steep.
        (0_i64..40, -3_i64..3).prop_map(|(x, ahead)| Point { x: x * 100_000, ahead })
    }

    fn mirrored(point: Point) -> Point {
        Point { x: point.x, ahead: -point.ahead }
    }

    proptest! {
        #[test]
        fn points_in_any_order_make_the_hull_of_its_definition(points in vec(point(), 0..60)) {
            let (mut lower, mut upper) = (Hull::new(Message::Request), Hull::new(Message::Reply));
            for point in &points {
                lower.insert(*point);
                upper.insert(mirrored(*point));
            }
            let mirrored: Vec<_> = upper.points().iter().copied().map(mirrored).collect();
            prop_assert_eq!(lower.points(), &mirrored[..], "the upper hull is the mirrored lower one");
            prop_assert_eq!(lower.points(), slow(&points));
        }

        #[test]
        fn any_number_of_corners_takes_bounded_memory_and_no_line_becomes_impossible(count in 1_i64..2_000) {
            let mut hull = Hull::new(Message::Request);
            let points: Vec<_> = (0..count)
                .map(|nth| Point { x: nth * 10_000_000, ahead: nth * nth })
                .collect();
            for point in &points {
                hull.insert(*point);
                prop_assert!(hull.points().len() <= MAX_POINTS);
            }
            for point in hull.points() {
                prop_assert!(points.contains(point));
            }
        }
    }

    #[test]
    fn what_only_an_impossible_drift_could_touch_is_forgotten() {
        let mut hull = Hull::new(Message::Request);
        for (x, ahead) in [(0, 1_000_000), (1_000_000, 0), (2_000_000, 10), (3_000_000, 1_000_000)] {
            hull.insert(Point { x, ahead });
        }
        let kept: Vec<_> = hull.points().iter().map(|it| it.x).collect();
        assert_eq!(kept, [1_000_000, 2_000_000]);
    }
}
