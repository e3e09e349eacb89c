//! The learner's engine: the crate in `mini-lsm-starter`, with the surface of ours.

use std::ops::Bound;
use std::path::Path;

use anyhow::Result;

use super::ours::lsm_storage;
use crate::engine::{Engine, Settings};

lsm_storage!(Starter, mini_lsm_starter);
