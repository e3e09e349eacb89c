//! Too few handles: the same work under every limit, from far too low to enough.

#[cfg(not(unix))]
pub use elsewhere::run;
#[cfg(unix)]
pub use unix::run;

#[cfg(unix)]
mod unix {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use anyhow::{Context, Result, bail, ensure};
    use fastrand::Rng;
    use mini_lsm::fs::DiskFs;
    use mini_lsm::{Error, LsmOptions, LsmStorage};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use crate::history::{Map, read_all};
    use crate::own_process;
    use crate::resources::place::{Place, strays};
    use crate::tally::Tally;

    /// How many tables the store has at first.
    const TABLES: usize = 10;
    /// After so many limits that sufficed it ends.
    const ENOUGH: usize = 2;
    /// No limit above this: a store with a few dozen tables needs no more.
    const MOST: u64 = 150;

    /// Lowers the limit on handles while it is there.
    struct Limit {
        before: Rlimit,
    }

    impl Limit {
        fn lower(handles: u64) -> Result<Self> {
            let before = getrlimit(Resource::Nofile);
            let current = Some(handles);
            setrlimit(Resource::Nofile, Rlimit { current, ..before })?;
            Ok(Self { before })
        }
    }

    impl Drop for Limit {
        fn drop(&mut self) {
            setrlimit(Resource::Nofile, self.before).expect("up to where it was");
        }
    }

    /// What the store must hold.
    #[derive(Clone, Default)]
    struct Promise {
        acknowledged: Map,
        /// Writes that returned an error: there or not.
        unsure: Map,
        writes: u64,
    }

    fn options(rng: &mut Rng) -> LsmOptions {
        let in_background = rng.bool();
        LsmOptions {
            memtable_size: 2 << 10,
            table_size: 2 << 10,
            block_size: 512,
            level_base_size: 16 << 10,
            l0_compaction_trigger: 8,
            background_flush: in_background,
            background_compaction: in_background,
            ..LsmOptions::for_test(Arc::new(DiskFs))
        }
    }

    /// A store with a table for each handle of the lower limits; each limit meets a copy of it.
    pub fn run(seed: u64, tally: &mut Tally) -> Result<()> {
        let mut rng = Rng::with_seed(seed);
        let base = Place::disk()?;
        let mut promise = Promise::default();
        let store = base.open(&LsmOptions {
            background_flush: false,
            background_compaction: false,
            ..options(&mut rng)
        })?;
        for _ in 0..TABLES {
            promise.work(&store, 10)?;
            store.flush()?;
        }
        drop(store);
        let mut sufficed = 0;
        let mut limit = own_process::handle_count().unwrap_or(3) as u64;
        while sufficed < ENOUGH {
            ensure!(
                limit < MOST,
                "{limit} handles are too few for {TABLES} tables"
            );
            let place = base.copy()?;
            let options = options(&mut rng);
            let mut promise = promise.clone();
            let outcome = under(limit, &place, &options, &mut promise, tally)
                .with_context(|| format!("with at most {limit} handles"))?;
            sufficed += usize::from(outcome);
            again(&place, &options, &mut promise)
                .with_context(|| format!("after at most {limit} handles"))?;
            limit += rng.u64(1..3);
        }
        Ok(())
    }

    /// Opens and works with so few handles; whether they were enough.
    fn under(
        limit: u64,
        place: &Place,
        options: &LsmOptions,
        promise: &mut Promise,
        tally: &mut Tally,
    ) -> Result<bool> {
        let limit = Limit::lower(limit)?;
        let store = match place.open(options) {
            Ok(store) => store,
            Err(error) => {
                drop(limit);
                is_clear(&error)?;
                tally.count("openings without handles", 1);
                let open = own_process::open_files(&place.dir()).unwrap_or_default();
                ensure!(open.is_empty(), "a failed open leaves open: {open:?}");
                return Ok(false);
            }
        };
        let worked = promise
            .work(&store, 24)
            .and_then(|()| store.flush())
            .and_then(|()| store.compact());
        // Reads go on, whatever became of the writes.
        let found = read_all(&store)?;
        promise.holds(&found)?;
        drop(store);
        drop(limit);
        match worked {
            Ok(()) => {
                tally.count("limits on handles that sufficed", 1);
                Ok(true)
            }
            Err(error) => {
                is_clear(&error)?;
                tally.count("writes without handles", 1);
                Ok(false)
            }
        }
    }

    /// With all the handles that there are the store is whole, and works.
    fn again(place: &Place, options: &LsmOptions, promise: &mut Promise) -> Result<()> {
        let store = place.open(options)?;
        let found = read_all(&store)?;
        promise.holds(&found)?;
        // What came back has come to stay.
        promise.acknowledged = found;
        promise.unsure.clear();
        promise.work(&store, 5)?;
        store.flush()?;
        drop(store);
        drop(place.open(&LsmOptions {
            background_compaction: false,
            background_flush: false,
            ..options.clone()
        })?);
        let strays = strays(&DiskFs, &place.dir())?;
        ensure!(strays.is_empty(), "nobody needs {strays:?}");
        Ok(())
    }

    impl Promise {
        /// Writes until the first error.
        fn work(&mut self, store: &LsmStorage, writes: u64) -> mini_lsm::Result<()> {
            for _ in 0..writes {
                self.writes += 1;
                // A key is written once, so that one that is there by itself tells all.
                let key = format!("key{:06}", self.writes.wrapping_mul(7919) % 1_000_000);
                let value = format!("{:060}", self.writes);
                let (key, value) = (key.into_bytes(), value.into_bytes());
                self.unsure.insert(key.clone(), value.clone());
                store.put(&key, &value)?;
                self.unsure.remove(&key);
                self.acknowledged.insert(key, value);
            }
            Ok(())
        }

        fn holds(&self, found: &Map) -> Result<()> {
            let may_be: BTreeMap<_, _> = self.acknowledged.iter().chain(&self.unsure).collect();
            for (key, value) in &self.acknowledged {
                ensure!(
                    found.get(key) == Some(value),
                    "{} was acknowledged, and is lost",
                    crate::history::show(key)
                );
            }
            match found
                .iter()
                .find(|(key, value)| may_be.get(key) != Some(value))
            {
                None => Ok(()),
                Some((key, _)) => bail!("{} was never written", crate::history::show(key)),
            }
        }
    }

    /// It says that there are too many open files, and which one was too many.
    fn is_clear(error: &Error) -> Result<()> {
        let mut cause = error;
        while let Error::Background(inner) = cause {
            cause = inner;
        }
        let text = cause.to_string();
        ensure!(
            matches!(cause, Error::Io { .. })
                && text.contains("Too many open files")
                && text.lines().count() == 1,
            "too few handles, and the error is {text:?} ({error:?})"
        );
        Ok(())
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use anyhow::Result;

    use crate::tally::Tally;

    /// There is no limit to lower.
    pub fn run(_seed: u64, tally: &mut Tally) -> Result<()> {
        tally.count("limits that this system does not have", 1);
        Ok(())
    }
}
