//! What was graded already, kept from one run to the next: an interrupted run goes on where it was.
//!
//! A result is found again by everything that it depends on: the submission's files, the tests, the settings, the compiler.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::report::Graded;
use crate::submission::Submission;

pub struct Kept {
    dir: PathBuf,
    /// Stands for all that is the same for the whole class.
    common: u64,
    /// Whether results of earlier runs count.
    resume: bool,
}

impl Kept {
    /// `common` is whatever the results depend on beside the submission.
    pub fn new(dir: PathBuf, common: &impl Hash, resume: bool) -> Result<Kept> {
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let mut hasher = DefaultHasher::new();
        common.hash(&mut hasher);
        Ok(Kept {
            dir,
            common: hasher.finish(),
            resume,
        })
    }

    pub fn key(&self, submission: &Submission) -> String {
        let mut hasher = DefaultHasher::new();
        self.common.hash(&mut hasher);
        submission.name.hash(&mut hasher);
        submission.files.hash(&mut hasher);
        submission.around.hash(&mut hasher);
        submission.left_out.hash(&mut hasher);
        submission.problem.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    pub fn find(&self, key: &str) -> Option<Graded> {
        let text = self.resume.then(|| fs::read(self.path(key)).ok())??;
        // Half a file, after an interruption, is no result.
        serde_json::from_slice(&text).ok()
    }

    pub fn keep(&self, key: &str, graded: &Graded) -> Result<()> {
        let path = self.path(key);
        let text = serde_json::to_vec(graded).context("a result is no JSON")?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    fn path(&self, key: &str) -> PathBuf {
        self.dir.join(format!("{key}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_found_again_only_for_the_same_submission_and_settings() {
        let dir = tempfile::tempdir().unwrap();
        let kept =
            |common: u32, resume| Kept::new(dir.path().to_path_buf(), &common, resume).unwrap();
        let mut submission = Submission {
            name: "ann".into(),
            ..Submission::default()
        };
        let graded = Graded::sum_up("ann".into(), &[], Vec::new(), None);
        let key = kept(1, true).key(&submission);
        kept(1, true).keep(&key, &graded).unwrap();
        assert_eq!(kept(1, true).find(&key), Some(graded));
        assert_eq!(kept(1, false).find(&key), None);
        assert_ne!(kept(2, true).key(&submission), key);
        submission.files.insert("src/lib.rs".into(), b"x".to_vec());
        assert_ne!(kept(1, true).key(&submission), key);
        fs::write(dir.path().join(format!("{key}.json")), "{\"name\":").unwrap();
        assert_eq!(kept(1, true).find(&key), None);
    }
}
