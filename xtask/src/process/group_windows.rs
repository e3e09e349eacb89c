//! A program and its descendants on Windows: a job that ends with its last handle, also when we are ended ourselves.

use std::io;
use std::os::windows::io::AsRawHandle;
use std::process::{Child, Command};

use win32job::{ExtendedLimitInfo, Job};

pub struct Group {
    child: Child,
    /// Dropped to kill. What a program starts in the moment before it is put into the job is not in it.
    job: Option<Job>,
}

/// Starts the command in a new job.
pub fn spawn(command: &mut Command) -> io::Result<Group> {
    let mut limits = ExtendedLimitInfo::new();
    limits.limit_kill_on_job_close();
    let job = Job::create_with_limit_info(&limits).map_err(io::Error::other)?;
    let child = command.spawn()?;
    // Fails for a program that has ended already: then there is nothing to hold.
    job.assign_process(child.as_raw_handle() as isize).ok();
    Ok(Group {
        child,
        job: Some(job),
    })
}

impl Group {
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Ends all that is left of the job.
    pub fn kill(&mut self) {
        // An error means that it has ended.
        self.child.kill().ok();
        self.job = None;
    }
}

/// Ctrl-C reaches every program of the console, and the jobs end with us: nothing to do.
pub fn kill_all_when_interrupted() {}
