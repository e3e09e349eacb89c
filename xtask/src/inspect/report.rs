//! What an inspection finds: fields, in sections; and how a long list is shortened.

/// Said of a format that was not known when this was written.
pub const NEWER: &str = "a newer engine wrote it, and what else seems wrong may not be";

/// A run of bytes with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it begins in the file.
    pub offset: usize,
    /// How many bytes it has; none where something is missing.
    pub len: usize,
    pub name: &'static str,
    /// Readable; empty where there is nothing to say. May have several lines.
    pub value: String,
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is nothing to check, or nothing is wrong.
    Plain,
    /// A checksum that fits.
    Ok,
    /// It could not be checked, and why.
    Unchecked(String),
    /// What is wrong.
    Wrong(String),
}

impl Field {
    /// The offset behind it.
    pub fn end(&self) -> usize {
        self.offset + self.len
    }

    /// Adds something that is wrong.
    pub fn wrong(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        self.verdict = match std::mem::replace(&mut self.verdict, Verdict::Plain) {
            Verdict::Wrong(before) => Verdict::Wrong(format!("{before}; {reason}")),
            _ => Verdict::Wrong(reason),
        };
    }
}

/// Fields that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// 0 for a part of the file, 1 for a part of such a part.
    pub depth: usize,
    /// As in `entry 3`.
    pub name: String,
    /// What stands beside the name.
    pub detail: String,
    pub fields: Vec<Field>,
    /// What such sections are called, if they are items of a list that may be shortened.
    item: Option<&'static str>,
    /// How many items were left out in its place.
    left_out: usize,
}

impl Section {
    /// A part of the file.
    pub fn part(name: impl Into<String>, detail: impl Into<String>, fields: Vec<Field>) -> Self {
        Self {
            depth: 0,
            name: name.into(),
            detail: detail.into(),
            fields,
            item: None,
            left_out: 0,
        }
    }

    /// The same, one step in.
    pub fn inner(self) -> Self {
        Self { depth: 1, ..self }
    }

    /// The same, as one of many `items`, of which a screen need not show all.
    pub fn item(self, items: &'static str) -> Self {
        Self {
            item: Some(items),
            ..self.inner()
        }
    }

    pub fn is_sound(&self) -> bool {
        let is_wrong = |field: &Field| matches!(field.verdict, Verdict::Wrong(_));
        !self.fields.iter().any(is_wrong)
    }

    /// Something is wrong with the field `name`.
    pub fn wrong(&mut self, name: &str, reason: impl Into<String>) {
        if let Some(field) = self.fields.iter_mut().find(|field| field.name == name) {
            field.wrong(reason);
        }
    }
}

/// All that was found in a file.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What it is and how much of it there is, for the first line.
    pub summary: String,
    /// In the order of the file. Their fields cover every byte once.
    pub sections: Vec<Section>,
    /// What is known when all has been read.
    pub notes: Vec<String>,
    /// Where the format is drawn.
    pub drawn_in: &'static str,
}

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub offset: usize,
    /// The section and field, and what is wrong with it.
    pub text: String,
}

impl Inspection {
    pub fn is_sound(&self) -> bool {
        self.sections.iter().all(Section::is_sound)
    }

    /// What is wrong, in the order of the file.
    pub fn problems(&self) -> Vec<Problem> {
        self.verdicts(|verdict| match verdict {
            Verdict::Wrong(reason) => Some(reason),
            _ => None,
        })
    }

    /// What could not be checked.
    pub fn unchecked(&self) -> Vec<Problem> {
        self.verdicts(|verdict| match verdict {
            Verdict::Unchecked(reason) => Some(reason),
            _ => None,
        })
    }

    /// Every field, in the order of the file.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.sections.iter().flat_map(|section| &section.fields)
    }

    fn verdicts(&self, pick: impl Fn(&Verdict) -> Option<&String>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut part = "";
        for section in &self.sections {
            let place = match section.depth {
                0 => section.name.clone(),
                _ => format!("{part}, {}", section.name),
            };
            if section.depth == 0 {
                part = &section.name;
            }
            for field in &section.fields {
                let Some(reason) = pick(&field.verdict) else {
                    continue;
                };
                problems.push(Problem {
                    offset: field.offset,
                    text: format!("{place}, {}: {reason}", field.name),
                });
            }
        }
        problems
    }
}

/// Takes sections, and leaves out those that are one too many. What is wrong is never left out.
pub struct Shortener {
    budget: usize,
    sections: Vec<Section>,
}

impl Shortener {
    /// Keeps `budget` items of lists.
    pub fn new(budget: usize) -> Self {
        Self {
            budget,
            sections: Vec::new(),
        }
    }

    /// Adds a part of the file, with what is in it.
    pub fn add(&mut self, group: Vec<Section>) {
        for section in group {
            match section.item {
                Some(items) if section.is_sound() && self.budget == 0 => {
                    self.leave_out(&[section], items);
                }
                Some(_) => {
                    self.budget = self.budget.saturating_sub(1);
                    self.sections.push(section);
                }
                None => self.sections.push(section),
            }
        }
    }

    /// Adds a part which is itself one of many `items`.
    pub fn add_item(&mut self, group: Vec<Section>, items: &'static str) {
        if self.budget == 0 && group.iter().all(Section::is_sound) {
            return self.leave_out(&group, items);
        }
        self.budget = self.budget.saturating_sub(1);
        self.add(group);
    }

    pub fn finish(self) -> Vec<Section> {
        self.sections
    }

    fn leave_out(&mut self, group: &[Section], items: &'static str) {
        let mut fields = group.iter().flat_map(|section| &section.fields);
        let (Some(first), Some(depth)) = (fields.next(), group.first().map(|first| first.depth))
        else {
            return;
        };
        let end = fields.last().unwrap_or(first).end();
        match self.sections.last_mut() {
            Some(last)
                if last.left_out > 0 && last.item == Some(items) && last.fields.len() == 1 =>
            {
                last.left_out += 1;
                last.detail = format!("{} more {items}", last.left_out);
                last.fields[0].len = end - last.fields[0].offset;
            }
            _ => self.sections.push(Section {
                depth,
                name: "…".into(),
                detail: format!("1 more of the {items}"),
                fields: vec![Field {
                    offset: first.offset,
                    len: end - first.offset,
                    name: "not shown",
                    value: "nothing wrong; --all shows it".into(),
                    verdict: Verdict::Plain,
                }],
                item: Some(items),
                left_out: 1,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(offset: usize) -> Section {
        let field = Field {
            offset,
            len: 2,
            name: "byte",
            value: String::new(),
            verdict: Verdict::Plain,
        };
        Section::part(format!("item {offset}"), "", vec![field]).item("items")
    }

    #[test]
    fn a_long_list_is_cut_but_for_what_is_wrong() {
        let mut items: Vec<Section> = (0..8).map(|index| item(2 * index)).collect();
        items[5].wrong("byte", "bad");
        let mut shortener = Shortener::new(2);
        shortener.add(items);
        let sections = shortener.finish();
        let names: Vec<(&str, usize, usize)> = sections
            .iter()
            .map(|section| {
                let field = &section.fields[0];
                (section.name.as_str(), field.offset, field.len)
            })
            .collect();
        assert_eq!(
            names,
            [
                ("item 0", 0, 2),
                ("item 2", 2, 2),
                ("…", 4, 6),
                ("item 10", 10, 2),
                ("…", 12, 4)
            ]
        );
        assert_eq!(sections[2].detail, "3 more items");
    }
}
