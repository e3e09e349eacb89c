//! `cargo x watch`: grades the starter again whenever a file is saved, first the task that the file belongs to.
//!
//! Three threads tell one loop what happens: saves ([`files`]), keys ([`keys`]) and the end of a run ([`run`]). The loop starts
//! and stops runs and shows how they ended; nothing in it waits for a program of the learner's.

mod files;
mod keys;
mod part;
mod run;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use anyhow::{Context, Result};
use xtask::catalogue;
use xtask::process::Stop;
use xtask::progress::Progress;
use xtask::scheck::Subject;
use xtask::screen::Screen;
use xtask::workspace::Workspace;

use keys::{Key, Keys};
use run::{Ended, Job};
use show::Show;

/// What the loop is told.
enum Event {
    Saved(Vec<PathBuf>),
    Key(Key),
    Ended(Box<Ended>),
    /// Ctrl-C, a hang-up or a termination from outside.
    Interrupted,
}

fn main() -> ExitCode {
    let (mut plain, mut problems) = (false, false);
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--plain" => plain = true,
            "--problems" => problems = true,
            "--help" | "-h" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            other => {
                eprintln!(
                    "no such flag of `cargo x watch`: `{other}`; `cargo x watch --help` lists them"
                );
                return ExitCode::from(2);
            }
        }
    }
    match watch(plain, problems) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn watch(plain: bool, problems: bool) -> Result<()> {
    let workspace = Workspace::find()?;
    let subject = Subject::starter(&workspace);
    let (tell, told) = mpsc::channel();
    let interrupted = tell.clone();
    ctrlc::set_handler(move || drop(interrupted.send(Event::Interrupted)))
        .context("cannot listen for Ctrl-C")?;
    let saved = tell.clone();
    let events = files::watch(subject.dir.clone(), move |files| {
        saved.send(Event::Saved(files)).is_ok()
    });
    let pressed = tell.clone();
    let keys = Keys::read(plain, move |key| pressed.send(Event::Key(key)).is_ok());
    let screen = Screen::detect_or_words(plain);
    let show = Show::new(screen, keys.mode, problems);
    show.introduce(events);
    let mut watch = Watch {
        workspace,
        subject,
        screen,
        show,
        tell,
        running: None,
        next: None,
        last: Job::default(),
    };
    watch.want(ALL);
    watch.follow(&told);
    drop(keys);
    watch.show.end();
    Ok(())
}

struct Watch {
    workspace: Workspace,
    subject: Subject,
    screen: Screen,
    show: Show,
    tell: Sender<Event>,
    running: Option<Stop>,
    /// To be started when the one that runs has ended.
    next: Option<Job>,
    last: Job,
}

impl Watch {
    /// Until the learner has had enough.
    fn follow(&mut self, told: &Receiver<Event>) {
        while let Ok(event) = told.recv() {
            match event {
                Event::Saved(files) => {
                    let job = Job {
                        part: self.part(&files),
                        tidy: false,
                    };
                    self.want(job);
                }
                Event::Key(Key::Again) => self.want(self.last),
                Event::Key(Key::All) => self.want(ALL),
                Event::Key(Key::Hint) => self.show.hint(&self.workspace),
                Event::Ended(ended) => self.ended(*ended),
                Event::Key(Key::Quit) | Event::Interrupted => return self.quit(told),
            }
        }
    }

    /// Starts the job, in place of what may run now.
    fn want(&mut self, job: Job) {
        match &self.running {
            Some(stop) => {
                stop.set();
                self.next = Some(job);
            }
            None => self.start(job),
        }
    }

    fn start(&mut self, job: Job) {
        self.show.begin_run();
        let tell = self.tell.clone();
        let stop = run::start(&self.subject, job, self.screen, move |ended| {
            drop(tell.send(Event::Ended(Box::new(ended))))
        });
        self.running = Some(stop);
        self.last = job;
    }

    fn ended(&mut self, ended: Ended) {
        self.running = None;
        if let Some(job) = self.next.take() {
            return self.start(job);
        }
        match ended {
            Some(Ok((part, grade))) => self.show.grade(&self.subject, part, &grade),
            Some(Err(error)) => self.show.error(&error),
            None => {}
        }
    }

    fn part(&mut self, files: &[PathBuf]) -> Option<xtask::scheck::Ask> {
        let days = catalogue::read(&self.workspace.reference()).unwrap_or_default();
        let (progress, remark) = Progress::load(self.workspace.root());
        self.show.remark_later(remark);
        part::first(files, &self.subject.dir, &days, &progress)
    }

    /// Takes what still runs with it.
    fn quit(&mut self, told: &Receiver<Event>) {
        let Some(stop) = self.running.take() else {
            return;
        };
        stop.set();
        // A program that cannot be killed is left to the system.
        while let Ok(event) = told.recv_timeout(FAREWELL) {
            if matches!(event, Event::Ended(_)) {
                return;
            }
        }
    }
}

const ALL: Job = Job {
    part: None,
    tidy: true,
};

/// How long a run may take to stop when we end.
const FAREWELL: Duration = Duration::from_secs(3);

const HELP: &str = "\
cargo x watch [--plain] [--problems]: grades mini-lsm-starter again whenever a file is saved

The task that the saved file belongs to comes first; when it passes, all days follow.
Keys: r again, a all days with format and lints, h the next hint, q quit.
With --plain nothing is redrawn, and a key is a letter and Enter. With --problems each failure has a line for editors.
";
