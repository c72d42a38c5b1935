//! What differs between two JSON values, place by place.

use super::json_path::{JsonPath, Step};
use serde_json::{Map, Value};
use similar::{Algorithm, DiffOp};
use std::hash::{Hash, Hasher};

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where: a place in the newer document. For [`What::Removed`] the last step is the key or
    /// index that the value had in the older one.
    pub path: JsonPath,
    /// What happened there.
    pub what: What,
}

/// What happened at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The value was not there before.
    Added(Value),
    /// The value is no longer there.
    Removed(Value),
    /// Another value stands there now.
    Changed {
        /// The value before.
        was: Value,
        /// The value after.
        now: Value,
    },
}

/// Middles of arrays up to this many elements (both sides together) are aligned element by
/// element; above, element by index, so that time stays linear.
const ALIGN_AT_MOST: usize = 1_000;

/// The changes that make `now` out of `was`, in document order. Objects differ by members whatever
/// their order; elements put into or taken out of an array do not make the others differ.
#[must_use]
pub fn diff(was: &Value, now: &Value) -> Vec<Change> {
    let mut walk = Walk {
        place: Vec::new(),
        changes: Vec::new(),
    };
    walk.values(was, now);
    walk.changes
}

#[derive(Clone, Copy)]
enum StepRef<'a> {
    Key(&'a str),
    Index(usize),
}

struct Walk<'a> {
    place: Vec<StepRef<'a>>,
    changes: Vec<Change>,
}

impl<'a> Walk<'a> {
    fn values(&mut self, was: &'a Value, now: &'a Value) {
        match (was, now) {
            (Value::Object(was), Value::Object(now)) => self.objects(was, now),
            (Value::Array(was), Value::Array(now)) => self.arrays(was, now),
            _ if was == now => {}
            _ => self.report(What::Changed {
                was: was.clone(),
                now: now.clone(),
            }),
        }
    }

    fn objects(&mut self, was: &'a Map<String, Value>, now: &'a Map<String, Value>) {
        // Removed members are told where they stood among the ones that stayed.
        let mut older = was.iter().peekable();
        for (key, value) in now {
            let Some(before) = was.get(key) else {
                self.at(StepRef::Key(key), |walk| {
                    walk.report(What::Added(value.clone()))
                });
                continue;
            };
            while let Some((gone, value)) =
                older.next_if(|(k, _)| *k != key && !now.contains_key(*k))
            {
                self.at(StepRef::Key(gone), |walk| {
                    walk.report(What::Removed(value.clone()))
                });
            }
            older.next_if(|(k, _)| *k == key);
            self.at(StepRef::Key(key), |walk| walk.values(before, value));
        }
        for (gone, value) in older.filter(|(k, _)| !now.contains_key(*k)) {
            self.at(StepRef::Key(gone), |walk| {
                walk.report(What::Removed(value.clone()))
            });
        }
    }

    fn arrays(&mut self, was: &'a [Value], now: &'a [Value]) {
        let prefix = was.iter().zip(now).take_while(|(a, b)| a == b).count();
        let (was_rest, now_rest) = (&was[prefix..], &now[prefix..]);
        let suffix = was_rest
            .iter()
            .rev()
            .zip(now_rest.iter().rev())
            .take_while(|(a, b)| a == b)
            .count();
        let was_mid = &was_rest[..was_rest.len() - suffix];
        let now_mid = &now_rest[..now_rest.len() - suffix];
        let one_sided = was_mid.is_empty() || now_mid.is_empty();
        if one_sided || was_mid.len() + now_mid.len() > ALIGN_AT_MOST {
            self.elements(was_mid, prefix, now_mid, prefix);
            return;
        }
        let was_hashes: Vec<u64> = was_mid.iter().map(hash).collect();
        let now_hashes: Vec<u64> = now_mid.iter().map(hash).collect();
        for op in similar::capture_diff_slices(Algorithm::Myers, &was_hashes, &now_hashes) {
            let (was_range, now_range) = (op.old_range(), op.new_range());
            let (was_at, now_at) = (prefix + was_range.start, prefix + now_range.start);
            // Equal hashes are not yet equal values, so equal runs are walked too.
            debug_assert!(
                !matches!(op, DiffOp::Equal { .. }) || was_range.len() == now_range.len()
            );
            self.elements(&was_mid[was_range], was_at, &now_mid[now_range], now_at);
        }
    }

    /// Element by element; what one side has more was added or removed.
    fn elements(&mut self, was: &'a [Value], was_at: usize, now: &'a [Value], now_at: usize) {
        for (i, (a, b)) in was.iter().zip(now).enumerate() {
            self.at(StepRef::Index(now_at + i), |walk| walk.values(a, b));
        }
        for (i, value) in now.iter().enumerate().skip(was.len()) {
            self.at(StepRef::Index(now_at + i), |walk| {
                walk.report(What::Added(value.clone()))
            });
        }
        for (i, value) in was.iter().enumerate().skip(now.len()) {
            self.at(StepRef::Index(was_at + i), |walk| {
                walk.report(What::Removed(value.clone()))
            });
        }
    }

    fn at(&mut self, step: StepRef<'a>, go: impl FnOnce(&mut Self)) {
        self.place.push(step);
        go(self);
        self.place.pop();
    }

    fn report(&mut self, what: What) {
        let steps = self.place.iter().map(|step| match *step {
            StepRef::Key(key) => Step::Key(key.to_owned()),
            StepRef::Index(index) => Step::Index(index),
        });
        self.changes.push(Change {
            path: JsonPath(steps.collect()),
            what,
        });
    }
}

/// Equal values have equal hashes, whatever the order of their members.
fn hash(value: &Value) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    match value {
        Value::Null => {}
        Value::Bool(b) => b.hash(&mut hasher),
        Value::Number(n) => n.hash(&mut hasher),
        Value::String(s) => s.hash(&mut hasher),
        Value::Array(items) => items.iter().for_each(|item| hash(item).hash(&mut hasher)),
        Value::Object(members) => {
            let mut sum = 0u64;
            for (key, value) in members {
                let mut member = rustc_hash::FxHasher::default();
                (key, hash(value)).hash(&mut member);
                sum = sum.wrapping_add(member.finish());
            }
            (1u8, sum).hash(&mut hasher);
        }
    }
    std::mem::discriminant(value).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn told(was: Value, now: Value) -> Vec<String> {
        diff(&was, &now)
            .iter()
            .map(|change| match &change.what {
                What::Added(v) => format!("+ {} {v}", change.path),
                What::Removed(v) => format!("- {} {v}", change.path),
                What::Changed { was, now } => format!("~ {} {was} -> {now}", change.path),
            })
            .collect()
    }

    #[test]
    fn members() {
        let was = json!({"a": 1, "gone": 2, "b": {"c": 3}, "last": 0});
        let now = json!({"a": 1, "b": {"c": 4}, "new": [5]});
        assert_eq!(
            told(was, now),
            ["- $.gone 2", "~ $.b.c 3 -> 4", "+ $.new [5]", "- $.last 0"]
        );
    }

    #[test]
    fn order_of_members_is_no_difference() {
        assert!(diff(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1})).is_empty());
    }

    #[test]
    fn elements_put_in_the_middle() {
        assert_eq!(told(json!([1, 2, 3]), json!([1, 9, 2, 3])), ["+ $[1] 9"]);
        assert_eq!(told(json!([1, 2, 3]), json!([1, 3])), ["- $[1] 2"]);
        assert_eq!(told(json!([1]), json!([1, 2])), ["+ $[1] 2"]);
        assert_eq!(
            told(json!([1, 2, 3, 4, 5]), json!([0, 1, 2, 9, 4, 6])),
            ["+ $[0] 0", "~ $[3] 3 -> 9", "~ $[5] 5 -> 6"]
        );
        assert_eq!(
            told(
                json!([{"d": false}, {"e": 1}]),
                json!([{"d": true}, {"e": 1}, 1])
            ),
            ["~ $[0].d false -> true", "+ $[2] 1"]
        );
    }

    #[test]
    fn long_arrays_stay_linear() {
        let was: Value = (0..100_000).collect();
        let now: Value = (0..100_000).map(|i| i + 1).collect();
        assert_eq!(told(was, now).len(), 100_000);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..4i64).prop_map(Value::from),
            "[ab]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec(("[a-d]", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn holds(document: &Value, value: &Value) -> bool {
        document == value
            || match document {
                Value::Array(items) => items.iter().any(|v| holds(v, value)),
                Value::Object(members) => members.values().any(|v| holds(v, value)),
                _ => false,
            }
    }

    proptest! {
        #[test]
        fn empty_exactly_when_equal(a in value(), b in value()) {
            prop_assert_eq!(diff(&a, &b).is_empty(), a == b);
            prop_assert!(diff(&a, &a).is_empty());
        }

        #[test]
        fn every_change_is_true_of_both_documents(a in value(), b in value()) {
            for change in diff(&a, &b) {
                match &change.what {
                    What::Added(v) => prop_assert_eq!(change.path.get(&b), Some(v)),
                    What::Removed(v) => prop_assert!(holds(&a, v)),
                    What::Changed { was, now } => {
                        prop_assert_eq!(change.path.get(&b), Some(now));
                        prop_assert_ne!(was, now);
                    }
                }
            }
        }
    }
}
