//! Two rankings become one: each gives a passage 1 / (60 + its rank), so that what both find comes first and neither
//! scale has to be compared with the other (reciprocal rank fusion).

use std::collections::HashMap;

use uuid::Uuid;

use crate::client::collection::Near;

/// The constant of the method's paper: how little the very first ranks differ.
const K: f32 = 60.0;

/// Which chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Its document.
    pub document: Uuid,
    /// Of its content.
    pub revision: i32,
    /// In the document.
    pub position: i32,
}

/// A chunk with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ranked {
    pub(super) key: Key,
    pub(super) score: f32,
    pub(super) similarity: Option<f32>,
    pub(super) by_words: bool,
}

impl Key {
    /// Reads a chunk's id; `None` for what is no id of ours.
    pub(super) fn parse(id: &str) -> Option<Self> {
        let mut parts = id.split('-');
        let document = Uuid::try_parse(parts.next()?).ok()?;
        let (revision, position) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(Self { document, revision, position })
    }
}

/// The best first; equal ones in a fixed order.
pub(super) fn fuse(near: &[Near], words: &[Key]) -> Vec<Ranked> {
    let mut all: HashMap<Key, Ranked> = HashMap::new();
    let mut add = |key: Key, rank: u16, similarity: Option<f32>| {
        let ranked = all.entry(key).or_insert(Ranked { key, score: 0.0, similarity: None, by_words: false });
        ranked.score += 1.0 / (K + f32::from(rank));
        match similarity {
            Some(similarity) => ranked.similarity = Some(similarity),
            None => ranked.by_words = true,
        }
    };
    for (rank, near) in (1..).zip(near) {
        if let Some(key) = Key::parse(&near.id) {
            add(key, rank, Some(near.similarity));
        }
    }
    for (rank, key) in (1..).zip(words) {
        add(*key, rank, None);
    }
    let mut ranked: Vec<Ranked> = all.into_values().collect();
    let place = |ranked: &Ranked| (ranked.key.document, ranked.key.position);
    ranked.sort_by(|one, other| other.score.total_cmp(&one.score).then_with(|| place(one).cmp(&place(other))));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(position: i32) -> Key {
        Key { document: Uuid::nil(), revision: 1, position }
    }

    fn near(position: i32, similarity: f32) -> Near {
        Near { id: crate::documents::vectors::chunk_id(Uuid::nil(), 1, position), similarity }
    }

    #[test]
    fn what_both_find_comes_first() {
        let fused = fuse(&[near(1, 0.9), near(2, 0.8)], &[key(3), key(2)]);
        assert_eq!(fused.iter().map(|ranked| ranked.key.position).collect::<Vec<_>>(), [2, 1, 3]);
        assert_eq!((fused[0].similarity, fused[0].by_words), (Some(0.8), true));
        assert_eq!((fused[2].similarity, fused[2].by_words), (None, true));
    }

    #[test]
    fn foreign_ids_are_passed_over() {
        let odd = |id: &str| Near { id: id.into(), similarity: 1.0 };
        assert!(fuse(&[odd("x"), odd(""), odd("00000000000000000000000000000000-1"), odd("z-1-1-1")], &[]).is_empty());
    }
}
