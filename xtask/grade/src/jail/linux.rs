//! The jail on Linux.
//!
//! The process that [`enter`]s splits in three where namespaces are allowed: a keeper outside, which only waits; the first process of
//! a new process namespace, which reaps what is orphaned; and the program. When the program ends, so does the first process, and the
//! kernel then kills whatever else lives in the namespace, daemons included. When the grader dies, the keeper dies, and all of them.
//! The program itself restricts its files with Landlock, sets its limits, and lastly is replaced by what it is to run.
//! Where namespaces are not allowed there is one process, which seccomp keeps from starting others.

use std::ffi::CString;
use std::fs;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use landlock::{
    ABI, Access, AccessFs, AccessNet, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
    path_beneath_rules,
};
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, wait, waitpid};
use nix::unistd::{ForkResult, chdir, execve, fork, getgid, getuid, pipe2, read, setsid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::{ENDED_BY, Jail, Limits, NOT_STARTED, READY, Walls};

/// The newest rules that are asked for; an older kernel enforces those it knows.
const RULES: ABI = ABI::V6;
/// Bytes of the folder in memory that hides `/proc`.
const EMPTY: &str = "size=4k,mode=0555";
/// Files in a scratch folder in memory; each takes some memory of the kernel's.
const SCRATCH_FILES: u32 = 50_000;
/// Threads and processes in one jail. Not held against root, and where a kernel counts all of a user's instead (before 5.14) enough
/// for the others too; the grader counts for itself.
const TASKS: u64 = 4000;
/// What a shell adds to the number of a signal.
const BY_SIGNAL: i32 = 128;

/// What works here, found out by trying.
pub fn walls() -> Walls {
    let all = Walls {
        namespaces: true,
        landlock: true,
        seccomp: filters().is_ok_and(|filters| !filters.is_empty()),
        limits: true,
    };
    let fewer = [
        all,
        Walls {
            namespaces: false,
            ..all
        },
        Walls {
            landlock: false,
            ..all
        },
    ];
    let found = fewer.into_iter().find(|walls| works(*walls));
    found.unwrap_or(Walls {
        namespaces: false,
        landlock: false,
        ..all
    })
}

/// Whether a program can be run behind these walls.
fn works(walls: Walls) -> bool {
    let Ok(program) = super::grader() else {
        return false;
    };
    let jail = Jail {
        read: vec![
            program.clone().into(),
            "/usr".into(),
            "/lib".into(),
            "/lib64".into(),
        ],
        program: program.into(),
        args: vec![super::NOTHING.to_string()],
        env: Vec::new(),
        dir: "/".into(),
        write: Vec::new(),
        scratch: None,
        hides_processes: true,
        limits: Limits {
            cpu: 10,
            memory: 1 << 30,
            file: 1 << 20,
        },
        walls,
    };
    let Ok(mut command) = jail.command() else {
        return false;
    };
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .output();
    output.is_ok_and(|output| output.status.success() && output.stdout == READY.as_bytes())
}

/// Becomes the program, or waits for it and gives its exit code.
pub fn enter(jail: &Jail) -> Result<i32> {
    die_with_parent()?;
    if !jail.walls.namespaces {
        become_program(jail)?;
    }
    let (uid, gid) = (getuid(), getgid());
    let spaces = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWNS;
    unshare(spaces).context("no namespaces")?;
    fs::write("/proc/self/setgroups", "deny").context("cannot give up groups")?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1")).context("cannot map the user")?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1")).context("cannot map the group")?;
    let (alive, held) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).context("no pipe")?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }.context("cannot fork")? {
        ForkResult::Parent { child } => {
            let ended = waitpid(child, None);
            drop(held);
            Ok(code(ended?))
        }
        ForkResult::Child => {
            drop(held);
            first_process(jail, &alive)
        }
    }
}

/// The first process of the namespace. `alive` ends with the keeper.
fn first_process(jail: &Jail, alive: &OwnedFd) -> Result<i32> {
    die_with_parent()?;
    // A keeper that was gone before the line above sends no signal any more.
    if read(alive, &mut [0]) == Ok(0) {
        bail!("the grader is gone");
    }
    if jail.hides_processes {
        hide_processes()?;
    }
    if let Some(bytes) = jail.scratch {
        let size = format!("size={bytes},nr_inodes={SCRATCH_FILES},mode=0700");
        in_memory(&jail.dir, MsFlags::empty(), &size).context("no scratch folder in memory")?;
    }
    // SAFETY: this process has one thread.
    let program = match unsafe { fork() }.context("cannot fork")? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => return become_program(jail),
    };
    loop {
        let status = wait()?;
        if status.pid() != Some(program) {
            continue;
        }
        if let WaitStatus::Signaled(_, signal, _) = status {
            // The private pipe may be gone or full; the exit code says it too.
            let said = format!("{ENDED_BY}{}\n", signal as i32);
            std::io::stdout().write_all(said.as_bytes()).ok();
        }
        return Ok(code(status));
    }
}

fn code(status: WaitStatus) -> i32 {
    match status {
        WaitStatus::Exited(_, code) => code,
        WaitStatus::Signaled(_, signal, _) => BY_SIGNAL + signal as i32,
        _ => BY_SIGNAL,
    }
}

fn die_with_parent() -> Result<()> {
    set_pdeathsig(Signal::SIGKILL).context("cannot ask to die with the grader")
}

/// Through `/proc` a program reaches its own memory, descriptors and environment as files: it gets an empty folder.
fn hide_processes() -> Result<()> {
    let none: Option<&str> = None;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, "/", none, private, none).context("cannot take the mounts apart")?;
    in_memory(Path::new("/proc"), MsFlags::MS_NOEXEC, EMPTY).context("cannot hide /proc")
}

/// Puts a folder in memory over this one.
fn in_memory(dir: &Path, flags: MsFlags, size: &str) -> nix::Result<()> {
    let flags = flags | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("none"), dir, Some("tmpfs"), flags, Some(size))
}

/// How many threads there are in the tree of processes below this one, itself included; of a large tree only part is looked at.
pub fn tasks(pid: u32) -> usize {
    const LOOKED_AT: usize = 100;
    let mut open = vec![pid];
    let mut count = 0;
    for _ in 0..LOOKED_AT {
        let Some(pid) = open.pop() else {
            break;
        };
        // A folder's links are its own, its name's, and one for each folder in it: a thread each.
        let threads = fs::metadata(format!("/proc/{pid}/task"));
        count += threads.map_or(1, |dir| dir.nlink().saturating_sub(2)) as usize;
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        open.extend(
            children
                .split_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
    }
    count + open.len()
}

/// Restricts this process, says that the jail stands, and becomes the program. Comes back only with an error.
fn become_program(jail: &Jail) -> Result<i32> {
    // A group of its own would escape the grader's kill where there is no namespace to end.
    if jail.walls.namespaces {
        setsid().context("cannot leave the session")?;
    }
    chdir(&jail.dir).with_context(|| format!("cannot go to {}", jail.dir.display()))?;
    limit(jail.limits)?;
    if jail.walls.namespaces {
        setrlimit(Resource::RLIMIT_NPROC, TASKS, TASKS).context("cannot set a limit")?;
    }
    if jail.walls.landlock {
        restrict(jail)?;
    }
    let text = |text: &str| CString::new(text).context("a zero byte in an argument");
    let path = |path: &Path| CString::new(path.as_os_str().as_bytes()).context("a zero byte");
    let program = path(&jail.program)?;
    let mut args = vec![program.clone()];
    for arg in &jail.args {
        args.push(text(arg)?);
    }
    let env: Vec<CString> = jail
        .env
        .iter()
        .map(|(name, value)| text(&format!("{name}={value}")))
        .collect::<Result<_>>()?;
    let mut stdout = std::io::stdout();
    stdout.write_all(READY.as_bytes())?;
    stdout.flush()?;
    let started = execve(&program, &args, &env);
    stdout.write_all(NOT_STARTED.as_bytes())?;
    stdout.flush()?;
    started.with_context(|| format!("cannot start {}", jail.program.display()))?;
    Ok(0)
}

fn limit(limits: Limits) -> Result<()> {
    let set = |what, soft, hard| setrlimit(what, soft, hard).context("cannot set a limit");
    // The first signal can be caught, the second, a second later, cannot.
    set(Resource::RLIMIT_CPU, limits.cpu, limits.cpu + 1)?;
    // What it writes to, not what it reserves: threads reserve much and use little.
    set(Resource::RLIMIT_DATA, limits.memory, limits.memory)?;
    set(Resource::RLIMIT_FSIZE, limits.file, limits.file)?;
    set(Resource::RLIMIT_CORE, 0, 0)
}

fn restrict(jail: &Jail) -> Result<()> {
    let reading = AccessFs::from_read(RULES);
    let all = AccessFs::from_all(RULES);
    let status = landlock::Ruleset::default()
        .handle_access(all)?
        .handle_access(AccessNet::from_all(RULES))?
        .scope(Scope::from_all(RULES))?
        .create()?
        .add_rules(path_beneath_rules(&jail.read, reading))?
        .add_rules(path_beneath_rules(&jail.write, all))?
        .restrict_self()?;
    if status.ruleset == RulesetStatus::NotEnforced {
        bail!("this kernel has no Landlock");
    }
    Ok(())
}

/// The seccomp filters for a test, each a line of instructions in hexadecimal. They cannot be installed before the program
/// is started, for they forbid to start programs: it installs them itself, before any code of a submission runs.
pub fn filters() -> Result<Vec<String>> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => TargetArch::x86_64,
        "aarch64" => TargetArch::aarch64,
        "riscv64" => TargetArch::riscv64,
        _ => return Ok(Vec::new()),
    };
    let filter = |rules, errno: i32| -> Result<String> {
        let refuse = SeccompAction::Errno(errno as u32);
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?;
        let program: BpfProgram = filter.try_into()?;
        Ok(hexadecimal(&program))
    };
    let mut refused = std::collections::BTreeMap::new();
    for call in REFUSED {
        refused.insert(*call, Vec::new());
    }
    #[cfg(target_arch = "x86_64")]
    for call in [libc::SYS_fork, libc::SYS_vfork] {
        refused.insert(call, Vec::new());
    }
    // A thread is made by `clone` too, with this flag.
    let no_thread = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Qword,
        SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64),
        0,
    )?;
    refused.insert(libc::SYS_clone, vec![SeccompRule::new(vec![no_thread])?]);
    // The flags of `clone3` lie in memory, where a filter cannot look: without it, libraries fall back to `clone`.
    let absent = [(libc::SYS_clone3, Vec::new())].into_iter().collect();
    Ok(vec![
        filter(refused, libc::EPERM)?,
        filter(absent, libc::ENOSYS)?,
    ])
}

/// New programs, the network, other processes, and doors to the kernel that no engine needs.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_kill,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_chroot,
    // With it, folders could be nested deeper than any path reaches, and be a burden to remove.
    libc::SYS_chdir,
    libc::SYS_fchdir,
    libc::SYS_io_uring_setup,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
];

/// An instruction is eight bytes; as one number in the order of this machine it is the same in the memory of the test.
fn hexadecimal(program: &BpfProgram) -> String {
    let words = program.iter().map(|instruction| {
        let mut bytes = [0; 8];
        bytes[..2].copy_from_slice(&instruction.code.to_ne_bytes());
        bytes[2] = instruction.jt;
        bytes[3] = instruction.jf;
        bytes[4..].copy_from_slice(&instruction.k.to_ne_bytes());
        format!("{:x}", u64::from_ne_bytes(bytes))
    });
    words.collect::<Vec<_>>().join(" ")
}
