//! The manifest of a stage: the reference's with the names changed, without what is not carried, with the one place
//! that silences what stubs leave unused.

use anyhow::{Context, Result, anyhow};
use toml_edit::{Array, DocumentMut, Item, Table, value};

use crate::names;
use crate::stage::Stage;

/// A dependency line of the reference that ends in this comment is not carried into any stage.
const NOT_CARRIED: &str = "# reference only";

/// Lints that a stub trips over: what only the bodies to come use, and a `&mut Vec` that only they push to.
const SILENCED: [(&str, &[&str]); 2] = [
    (
        "rust",
        &[
            "dead_code",
            "unused_imports",
            "unused_mut",
            "unused_variables",
        ],
    ),
    ("clippy", &["ptr_arg"]),
];

const WHY_SILENCED: &str = "\n# Bodies still to be written leave helpers, imports and arguments unused: this is the one place that allows it.\n";

const DESCRIPTION: &str =
    "A small LSM-tree key-value store, written in seven days: this crate is yours";

/// The manifest of a stage. `root` is the workspace's own, needed where the reference inherits its lints;
/// `is_test` tells which files of `tests/` are carried.
pub fn stage(
    text: &str,
    root: Option<&str>,
    stage: Stage,
    is_test: impl Fn(&str) -> bool,
) -> Result<String> {
    let carried: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_end().ends_with(NOT_CARRIED))
        .collect();
    let text = names::change(&(carried.join("\n") + "\n"));
    let mut manifest: DocumentMut = text
        .parse()
        .context("the reference's Cargo.toml is no TOML; mend it")?;
    let package = manifest.get_mut("package").and_then(Item::as_table_mut);
    let package =
        package.ok_or_else(|| anyhow!("the reference's Cargo.toml has no [package]; add it"))?;
    package["name"] = value(names::PACKAGE);
    if package.contains_key("description") {
        package["description"] = value(DESCRIPTION);
    }
    for target in ["bench", "example"] {
        manifest.remove(target);
    }
    if let Some(tests) = manifest
        .get_mut("test")
        .and_then(Item::as_array_of_tables_mut)
    {
        tests.retain(|test| {
            let name = test.get("name").and_then(Item::as_str).unwrap_or_default();
            let path = test
                .get("path")
                .and_then(Item::as_str)
                .map_or_else(|| format!("tests/{name}.rs"), str::to_string);
            is_test(&path)
        });
    }
    if !stage.is_complete() {
        silence(&mut manifest, root)?;
    }
    Ok(manifest.to_string())
}

fn silence(manifest: &mut DocumentMut, root: Option<&str>) -> Result<()> {
    let inherits = manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace"));
    if inherits.is_some() {
        // Own lints and inherited ones do not go together, so the inherited ones are written out.
        let root = root.context(
            "the reference inherits its lints, but the folder above it has no Cargo.toml",
        )?;
        manifest.insert("lints", Item::Table(workspace_lints(root)?));
    }
    let lints = manifest
        .entry("lints")
        .or_insert_with(|| Item::Table(implicit()));
    let lints = lints
        .as_table_mut()
        .context("[lints] of the reference's Cargo.toml must be a table")?;
    for (at, (tool, silenced)) in SILENCED.into_iter().enumerate() {
        let table = lints
            .entry(tool)
            .or_insert_with(|| Item::Table(Table::new()))
            .as_table_mut();
        let table = table.with_context(|| {
            format!("[lints.{tool}] of the reference's Cargo.toml must be a table")
        })?;
        for lint in silenced {
            table[lint] = value("allow");
        }
        if at == 0 {
            table.decor_mut().set_prefix(WHY_SILENCED);
        }
    }
    Ok(())
}

fn workspace_lints(root: &str) -> Result<Table> {
    let root: DocumentMut = root
        .parse()
        .context("the workspace's Cargo.toml is no TOML; mend it")?;
    let lints = root
        .get("workspace")
        .and_then(|workspace| workspace.get("lints"))
        .and_then(Item::as_table_like);
    let mut tools = implicit();
    for (tool, lints) in lints.into_iter().flat_map(|table| table.iter()) {
        let mut table = Table::new();
        let lints = lints
            .as_table_like()
            .into_iter()
            .flat_map(|table| table.iter());
        table.extend(lints.map(|(name, level)| (name, level.clone())));
        tools.insert(tool, Item::Table(table));
    }
    Ok(tools)
}

/// A table without a header of its own, only for the tables in it.
fn implicit() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

/// The workspace of one stage on its own: the root's profiles, versions and lints, with `member` as the only package.
pub fn workspace(root: &str, member: &str) -> Result<String> {
    let mut manifest: DocumentMut = root
        .parse()
        .context("the workspace's Cargo.toml is no TOML; mend it")?;
    let workspace = manifest.get_mut("workspace").and_then(Item::as_table_mut);
    let workspace = workspace
        .ok_or_else(|| anyhow!("the workspace's Cargo.toml has no [workspace]; add it"))?;
    workspace.remove("exclude");
    workspace.remove("default-members");
    workspace["members"] = value(Array::from_iter([member]));
    manifest.remove("package");
    Ok(manifest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = "\
[package]
name = \"mini-lsm\"
description = \"The reference\"
version.workspace = true

[[bin]]
name = \"mini-lsm-cli-ref\"
path = \"src/bin/mini-lsm-cli.rs\"

# Kept.
[dependencies]
bytes = \"1\" # the bytes
proptest = \"1\" # reference only
";

    fn staged(text: &str, root: Option<&str>, stage_of: Stage) -> String {
        stage(text, root, stage_of, |path| path == "tests/day1_x.rs").unwrap()
    }

    #[test]
    fn names_change_comments_stay_and_unused_code_is_allowed_in_one_place() {
        let text = staged(REFERENCE, None, Stage::day(0));
        assert_eq!(
            text,
            "\
[package]
name = \"mini-lsm-starter\"
description = \"A small LSM-tree key-value store, written in seven days: this crate is yours\"
version.workspace = true

[[bin]]
name = \"mini-lsm-cli\"
path = \"src/bin/mini-lsm-cli.rs\"

# Kept.
[dependencies]
bytes = \"1\" # the bytes

# Bodies still to be written leave helpers, imports and arguments unused: this is the one place that allows it.
[lints.rust]
dead_code = \"allow\"
unused_imports = \"allow\"
unused_mut = \"allow\"
unused_variables = \"allow\"

[lints.clippy]
ptr_arg = \"allow\"
"
        );
    }

    #[test]
    fn the_last_stage_needs_no_allowance() {
        assert!(!staged(REFERENCE, None, Stage::day(7)).contains("lints"));
        assert!(staged(REFERENCE, None, Stage::day(6)).contains("[lints.rust]"));
    }

    #[test]
    fn own_lints_and_inherited_lints_are_kept() {
        let own = format!("{REFERENCE}\n[lints.rust]\nmissing_docs = \"warn\"\n");
        let text = staged(&own, None, Stage::day(1));
        assert!(
            text.contains("missing_docs = \"warn\"\n") && text.contains("dead_code = \"allow\""),
            "{text}"
        );
        let inherited = format!("{REFERENCE}\n[lints]\nworkspace = true\n");
        let root = "[workspace.lints.rust]\nmissing_docs = \"warn\"\n[workspace.lints.clippy]\npedantic = \"warn\"\n";
        let text = staged(&inherited, Some(root), Stage::day(1));
        let manifest: DocumentMut = text.parse().unwrap();
        assert_eq!(
            manifest["lints"]["rust"]["missing_docs"].as_str(),
            Some("warn"),
            "{text}"
        );
        assert_eq!(
            manifest["lints"]["rust"]["dead_code"].as_str(),
            Some("allow"),
            "{text}"
        );
        assert_eq!(
            manifest["lints"]["clippy"]["pedantic"].as_str(),
            Some("warn"),
            "{text}"
        );
        assert!(!text.contains("workspace = true\n\n[lints"), "{text}");
        assert!(
            staged(&inherited, Some(root), Stage::day(7)).contains("[lints]\nworkspace = true\n")
        );
    }

    #[test]
    fn targets_that_are_not_carried_are_not_declared() {
        let more = format!(
            "{REFERENCE}\n[[bench]]\nname = \"b\"\n\n[[test]]\nname = \"day1_x\"\n\n[[test]]\nname = \"crash\"\n"
        );
        let text = staged(&more, None, Stage::day(0));
        assert!(
            text.contains("day1_x") && !text.contains("bench") && !text.contains("crash"),
            "{text}"
        );
    }

    #[test]
    fn a_stages_workspace_has_one_member_and_the_roots_profiles() {
        let root = "[workspace]\nmembers = [\"a\", \"b\"]\nexclude = [\"c\"]\n\n[profile.test]\nopt-level = 1\n";
        assert_eq!(
            workspace(root, "day3").unwrap(),
            "[workspace]\nmembers = [\"day3\"]\n\n[profile.test]\nopt-level = 1\n"
        );
    }
}
