//! What the store promises, seen from its public functions.

mod content;
mod fixture;
mod group_commit;
mod lifetimes;
mod names;
mod store;
mod tags;
mod uploads;
