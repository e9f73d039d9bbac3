//! How often one agent came over time, as a small line without axes: its shape alone, beside the figure that says how much.

use crate::services::traffic::Point;

/// The width of what is drawn, in its own units.
const WIDTH: u64 = 92;

/// The lowest place of the line: the agent did not come.
const BOTTOM: u64 = 20;

/// The height of the most visits of any point.
const HEIGHT: u64 = 18;

/// The points of the line of one agent, each against its own most; empty where there is no course to draw: fewer than two
/// points, or none with a visit.
pub(super) fn course(series: &[Point], agent: &str) -> String {
    let visits = |point: &Point| point.agents.get(agent).copied().unwrap_or(0);
    let most = series.iter().map(visits).max().unwrap_or(0);
    let Some(steps @ 1..) = (series.len() as u64).checked_sub(1) else {
        return String::new();
    };
    if most == 0 {
        return String::new();
    }
    let place = |(number, point): (u64, &Point)| {
        let height = u128::from(visits(point)) * u128::from(HEIGHT) / u128::from(most);
        format!("{},{}", number * WIDTH / steps, u128::from(BOTTOM) - height)
    };
    let places: Vec<String> = (0..).zip(series).map(place).collect();
    places.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn series(visits: &[u64]) -> Vec<Point> {
        let point = |visits: &u64| Point {
            agents: BTreeMap::from([("GPTBot".to_owned(), *visits)]),
            ..Point::default()
        };
        visits.iter().map(point).collect()
    }

    #[test]
    fn a_line_from_the_first_to_the_last_point() {
        for (visits, expected) in [
            (&[][..], ""),
            (&[5], ""),
            (&[0, 0, 0], ""),
            (&[0, 5], "0,20 92,2"),
            (&[1, 2, 0], "0,11 46,2 92,20"),
            (&[u64::MAX, u64::MAX], "0,2 92,2"),
        ] {
            assert_eq!(course(&series(visits), "GPTBot"), expected, "{visits:?}");
        }
        assert_eq!(course(&series(&[1, 2]), "ClaudeBot"), "");
    }
}
