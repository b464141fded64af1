//! One file per group of keys: the types of its values, their readers, and the checks that look at several keys.

use crate::{config::Config, raw::Reading};

pub(crate) mod access;
pub(crate) mod artifacts;
pub(crate) mod database;
pub(crate) mod host;
pub(crate) mod proxies;
pub(crate) mod redis;
pub(crate) mod repositories;
pub(crate) mod storage;
pub(crate) mod time_machine;

pub(crate) fn check(config: &Config, reading: &mut Reading) {
    host::check(config, reading);
    proxies::check(config, reading);
    access::check(config, reading);
    repositories::check(config, reading);
    time_machine::check(config, reading);
    artifacts::check(config, reading);
    storage::check(config, reading);
}
