//! Questions answered from sections, against looking at each visit.

use super::*;
use crate::traffic::{Cube, Folded, Sections};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Hour, agent, path, outcome and identity of a visit.
type Drawn = (u8, u8, u16, u8, u8);

fn cell(drawn: &Drawn) -> (String, String, VisitOutcome, Identity) {
    let (_, agent, path, outcome, identity) = drawn;
    (
        format!("Bot{agent}"),
        format!("/{}/{path}", path % 3),
        VisitOutcome::ALL[usize::from(*outcome)],
        Identity::ALL[usize::from(*identity)],
    )
}

fn cube<'a>(visits: impl IntoIterator<Item = &'a Drawn>) -> Cube {
    let mut cube = Cube::default();
    for drawn in visits {
        let (agent, path, outcome, identity) = cell(drawn);
        let sum = Sum {
            visits: 1,
            spent_ms: 2,
        };
        cube.put(Cell {
            agent: &agent,
            path: &path,
            outcome,
            identity,
            format: None,
            sum,
        });
    }
    cube
}

/// A day of these hours.
fn day(visits: &[Drawn]) -> Folded {
    let mut day = Folded::default();
    for hour in 0..24 {
        day.add(hour, &cube(visits.iter().filter(|drawn| drawn.0 == hour)));
    }
    day
}

fn counted(sections: &Sections, wanted: &Wanted, extent: Extent) -> Counting {
    let stretch = Stretch::holding(Level::Day, 240);
    let mut counting = Counting::new(wanted.clone(), extent);
    let mut reading = counting.begin(stretch, &sections.head).expect("a head");
    for (at, chunk) in sections.chunks.iter().enumerate() {
        let next = sections.chunks.get(at + 1).map(|next| next.first.as_str());
        let needs = counting.needs(&reading, &chunk.first, next);
        if needs.paths {
            let cells = needs.cells.then_some(chunk.cells.as_slice());
            let parts = needs.parts.then_some(chunk.parts.as_slice());
            counting
                .chunk(&mut reading, &chunk.paths, cells, parts)
                .expect("a chunk");
        }
    }
    counting.end(&reading);
    counting
}

proptest! {
    /// What is read from sections is what looking at each visit says.
    #[test]
    fn every_question_is_answered_as_by_hand(
        visits in prop::collection::vec((0..24_u8, 0..4_u8, 0..700_u16, 0..4_u8, 0..3_u8), 0..1500),
        agent in prop::option::of(0..5_u8),
        path in prop::option::of(prop::sample::select(vec!["/1/", "/2/5", "/", "/0/3", "/9", "0"])),
        outcome in prop::option::of(0..4_usize),
        identity in prop::option::of(0..3_usize),
    ) {
        let token = agent.map(|agent| format!("Bot{agent}"));
        let wanted = Wanted {
            agents: token.clone().map(|token| Arc::new(move |name: &str| name == token) as _),
            path: path.map(str::to_owned),
            outcomes: outcome.map(|at| VisitOutcome::ALL[at]).into_iter().collect(),
            identities: identity.map(|at| Identity::ALL[at]).into_iter().collect(),
        };
        let mut by_agent = BTreeMap::new();
        let mut by_path = BTreeMap::new();
        let mut series: BTreeMap<(i64, String), (u64, u64)> = BTreeMap::new();
        for drawn in &visits {
            let (name, page, got, who) = cell(drawn);
            if token.as_ref().is_some_and(|token| *token != name)
                || path.is_some_and(|path| !page.starts_with(path))
                || wanted.outcomes.iter().any(|one| *one != got)
                || wanted.identities.iter().any(|one| *one != who)
            {
                continue;
            }
            *by_agent.entry((name.clone(), got, who)).or_insert(0_u64) += 1;
            *by_path.entry((page, got, who)).or_insert(0_u64) += 1;
            let sum = series.entry((240 + i64::from(drawn.0), name)).or_default();
            sum.0 += 1;
            sum.1 += u64::from(got.is_served());
        }
        let sections = day(&visits).sections();
        prop_assert!(visits.len() < 1_200 || sections.chunks.len() > 1);
        let extent = Extent { with_paths: true, series_by: path.map(|_| Level::Hour) };
        let counting = counted(&sections, &wanted, extent);
        let read: BTreeMap<_, u64> = counting.by_agent()
            .map(|cell| ((cell.agent.to_owned(), cell.outcome, cell.identity), cell.sum.visits)).collect();
        prop_assert_eq!(&read, &by_agent);
        let spent: u64 = counting.by_agent().map(|cell| cell.sum.spent_ms).sum();
        prop_assert_eq!(spent, 2 * by_agent.values().sum::<u64>());
        let read: BTreeMap<_, u64> = counting.by_path()
            .map(|cell| ((cell.path.to_owned(), cell.outcome, cell.identity), cell.sum.visits)).collect();
        prop_assert_eq!(&read, &by_path);
        if path.is_some() {
            let mut read: BTreeMap<_, (u64, u64)> = BTreeMap::new();
            for (hour, agent, outcome, _, visits) in counting.series() {
                let sum = read.entry((hour, agent.to_owned())).or_default();
                sum.0 += visits;
                sum.1 += if outcome.is_served() { visits } else { 0 };
            }
            prop_assert_eq!(&read, &series);
        }
        // By whole days there is one point, whatever the hours.
        let extent = Extent { with_paths: false, series_by: path.map(|_| Level::Day) };
        let whole = counted(&sections, &wanted, extent);
        prop_assert_eq!(whole.by_path().count(), 0);
        prop_assert!(whole.series().all(|(hour, ..)| hour == 240));
        let sum: u64 = whole.series().map(|(.., visits)| visits).sum();
        let expected = if path.is_some() { series.values().map(|sum| sum.0).sum() } else { 0 };
        prop_assert_eq!(sum, expected);
        prop_assert_eq!(Cube::read(&sections).expect("a cube"), cube(&visits));
    }

    /// Bounding keeps every visit, and of the paths that stay the course.
    #[test]
    fn a_bounded_day_counts_the_same(
        visits in prop::collection::vec((0..24_u8, 0..3_u8, 0..40_u16, 0..4_u8, 0..3_u8), 0..300),
    ) {
        let bounded = day(&visits).bounded(5, 1);
        prop_assert_eq!(bounded.whole().visits(), visits.len() as u64);
        let wanted = Wanted { path: Some("/".to_owned()), ..Wanted::default() };
        let extent = Extent { with_paths: true, series_by: Some(Level::Hour) };
        let counting = counted(&bounded.sections(), &wanted, extent);
        let named: u64 = counting.by_path().map(|cell| cell.sum.visits).sum();
        let course: u64 = counting.series().map(|(.., visits)| visits).sum();
        prop_assert_eq!(named, course);
    }

    /// Whatever the bytes are, reading ends.
    #[test]
    fn damaged_sections_are_refused_or_read(
        section in 0..3_usize, at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let visits: Vec<Drawn> = (0..200).map(|n| (n % 24, n % 3, u16::from(n), n % 4, n % 3)).collect();
        let mut sections = day(&visits).sections();
        let bytes = match section {
            0 => &mut sections.head,
            1 => &mut sections.chunks[0].cells,
            _ => &mut sections.chunks[0].parts,
        };
        let place = at.index(bytes.len());
        bytes[place] = byte;
        let stretch = Stretch::holding(Level::Day, 240);
        let wanted = Wanted { path: Some("/".to_owned()), ..Wanted::default() };
        let extent = Extent { with_paths: true, series_by: Some(Level::Hour) };
        let mut counting = Counting::new(wanted, extent);
        if let Ok(mut reading) = counting.begin(stretch, &sections.head) {
            for chunk in &sections.chunks {
                let _ = counting.chunk(&mut reading, &chunk.paths, Some(&chunk.cells), Some(&chunk.parts));
            }
            counting.end(&reading);
        }
        let _ = Cube::read(&sections);
    }
}
