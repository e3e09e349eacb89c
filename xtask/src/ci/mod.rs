//! `cargo x ci`: all that a change has to pass, step by step, each with the command that repeats it alone.
//!
//! A step that fails stops nothing: the others run too, and the failed ones are named at the end. The last line is
//! `N passed, N failed`, counted in steps.

pub mod claims;
mod elsewhere;
mod fresh;
pub mod markdown;
pub mod offline;
pub mod readme;
pub mod session;
pub mod steps;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::flags::{self, unknown};
use crate::screen::{Screen, Style};
use crate::workspace::{Workspace, cargo};
use steps::{Act, Step};

pub fn run(workspace: &Workspace, ask: &flags::Ci) -> Result<ExitCode> {
    crate::process::kill_all_when_interrupted();
    let screen = Screen::detect();
    let mut steps = steps::all(workspace);
    if let Some(only) = &ask.only {
        let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
        if !names.contains(&only.as_str()) {
            bail!("{}", unknown("step", only, &names, "cargo x ci --list"));
        }
        steps.retain(|step| step.name == only);
    }
    if ask.list {
        steps.iter().for_each(list);
        return Ok(ExitCode::SUCCESS);
    }
    let mut failed = Vec::new();
    let begun = Instant::now();
    for step in &steps {
        if !take(workspace, step, &screen) {
            failed.push(step.name);
        }
    }
    let seconds = begun.elapsed().as_secs();
    println!("\n{} min {} s in all", seconds / 60, seconds % 60);
    for name in &failed {
        println!("failed: {name}        (again: cargo x ci --only {name})");
    }
    println!(
        "{} passed, {} failed",
        steps.len() - failed.len(),
        failed.len()
    );
    Ok(match failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn list(step: &Step) {
    println!("{:<10}{}", step.name, step.what);
    for act in &step.acts {
        println!("{:<10}  {}", "", act.shown());
    }
}

/// Takes one step to its end or to its first failure.
fn take(workspace: &Workspace, step: &Step, screen: &Screen) -> bool {
    let headline = format!("== {}: {}", step.name, step.what);
    println!("\n{}", screen.paint(Style::Strong, &headline));
    let begun = Instant::now();
    let passed = step.acts.iter().all(|act| {
        println!("   {}", act.shown());
        perform(workspace, act).unwrap_or_else(|error| {
            println!("error: {error:#}");
            false
        })
    });
    let seconds = begun.elapsed().as_secs_f32();
    println!(
        "{}",
        match passed {
            true => screen.paint(Style::Good, &format!("   ok, {seconds:.1} s")),
            false => screen.paint(Style::Bad, &format!("   FAILED, {seconds:.1} s")),
        }
    );
    passed
}

fn perform(workspace: &Workspace, act: &Act) -> Result<bool> {
    let (args, env) = match act {
        Act::Own { run, .. } => return run(workspace),
        Act::Cargo { args, env } => (args, env),
    };
    let mut command = cargo();
    command.args(args).envs(env.iter().copied());
    command.current_dir(workspace.root());
    let status = command.status().context("cannot start cargo")?;
    if !status.success() {
        check_tool(&args[0])?;
    }
    Ok(status.success())
}

/// A step that fails because its tool is not there should say that and nothing else.
fn check_tool(subcommand: &str) -> Result<()> {
    let component = match subcommand {
        "fmt" => "rustfmt",
        "clippy" => "clippy",
        _ => return Ok(()),
    };
    let version = cargo().args([subcommand, "--version"]).output()?;
    if !version.status.success() {
        bail!("{component} is missing: `rustup component add {component}` brings it");
    }
    Ok(())
}
