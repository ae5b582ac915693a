//! What lets one of two versions read more than the other: defaults, aliases, and what it makes of what it does not know.
//! Never changes how either is read.

use std::collections::HashSet;

use super::super::form::Form;
use super::super::place::Step;
use super::super::remark::{Lenient, Remark};
use super::Builder;
use crate::model::{Argument, Field, Missing, UnknownFields, Variant};

impl<'a> Builder<'a> {
    pub(super) fn lenience_of_arguments(
        &mut self,
        node: u32,
        step: Step<'a>,
        sent: &Argument,
        read: &Argument,
    ) {
        let options = (super::is_option(&sent.ty), super::is_option(&read.ty));
        // As with fields, which follow.
        if options.0 == options.1 || sent.default || read.default {
            let (sent, read) = (sent.default || options.0, read.default || options.1);
            self.lenience(node, Some(step), Lenient::Argument, sent, read);
        }
    }

    pub(super) fn lenience_of_fields(&mut self, node: u32, step: Step<'a>, sent: &'a Field, read: &'a Field) {
        let is_option = |form| matches!(form, Form::Option(_));
        let options = (is_option(self.writer.form(&sent.ty).0), is_option(self.reader.form(&read.ty).0));
        // That an option may be missing is part of its being one.
        if options.0 == options.1 || [sent.missing, read.missing].contains(&Missing::Default) {
            let has = |field: &Field| field.missing != Missing::Refused;
            self.lenience(node, Some(step), Lenient::Field, has(sent), has(read));
        }
        self.aliases(node, step, (&sent.name, &sent.aliases), (&read.name, &read.aliases));
    }

    pub(super) fn lenience_of_variants(
        &mut self,
        node: u32,
        step: Step<'a>,
        sent: &'a Variant,
        read: &'a Variant,
    ) {
        self.lenience(node, Some(step), Lenient::UnknownVariants, sent.other, read.other);
        self.aliases(node, step, (&sent.name, &sent.aliases), (&read.name, &read.aliases));
    }

    pub(super) fn lenience_of_structures(&mut self, node: u32, writer: UnknownFields, reader: UnknownFields) {
        let [sent, read] = [writer, reader].map(|unknown| unknown == UnknownFields::Ignored);
        self.lenience(node, None, Lenient::UnknownFields, sent, read);
    }

    /// Names by which only one side finds it. The name of either may be an alias of the other.
    fn aliases(
        &mut self,
        node: u32,
        step: Step<'a>,
        sent: (&'a str, &'a [String]),
        read: (&'a str, &'a [String]),
    ) {
        if sent.1.is_empty() && read.1.is_empty() {
            return;
        }
        // A peer's may be half a million of one byte each, in each of many pairs.
        self.owe(sent.1.len() + read.1.len());
        if self.owes_too_much() {
            return;
        }
        let names = |(name, aliases): (&'a str, &'a [String])| {
            aliases.iter().map(String::as_str).chain([name]).collect::<HashSet<_>>()
        };
        let (of_sent, of_read) = (names(sent), names(read));
        for alias in read.1.iter().filter(|alias| !of_sent.contains(alias.as_str())) {
            self.remarks.add(node, Some(step), Remark::Lenient(Lenient::Alias(alias)));
        }
        for alias in sent.1.iter().filter(|alias| !of_read.contains(alias.as_str())) {
            self.remarks.add(node, Some(step), Remark::Strict(Lenient::Alias(alias)));
        }
    }

    fn lenience(&mut self, node: u32, step: Option<Step<'a>>, of: Lenient<'a>, writer: bool, reader: bool) {
        match (writer, reader) {
            (false, true) => self.remarks.add(node, step, Remark::Lenient(of)),
            (true, false) => self.remarks.add(node, step, Remark::Strict(of)),
            _ => {}
        }
    }
}
