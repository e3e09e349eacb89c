//! Writes the inputs that fuzzing begins with to `mini-lsm/fuzz/seeds`.

use std::fs;

use mini_lsm_torture::fuzz::{TARGETS, folder, seeds};

fn main() -> anyhow::Result<()> {
    for target in TARGETS {
        let folder = folder().join("seeds").join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, input) in seeds::of(target.name).into_iter().enumerate() {
            fs::write(folder.join(format!("{number:02}")), input)?;
        }
    }
    Ok(())
}
