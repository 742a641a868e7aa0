//! Arguments that are made when their command is parsed.
//!
//! A command line names one command of thirty. To make the options of all of them takes longer than most
//! commands have to do; clap makes what is deferred once it is asked for, and all of it for help and for
//! what is generated.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};
use std::ops::Deref;

/// The arguments, or the commands, of one command.
#[derive(Debug)]
pub(crate) struct Late<T>(T);

impl<T> Deref for Late<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: FromArgMatches> FromArgMatches for Late<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}

/// What was said of a command is said of it still: what is flattened into its arguments has words of its
/// own, which are for whoever reads the code.
fn telling_the_same(command: Command, augment: fn(Command) -> Command) -> Command {
    let about = (command.get_about().cloned(), command.get_long_about().cloned());
    let command = augment(command).about(None::<&str>).long_about(None::<&str>);
    match about {
        (Some(about), Some(long)) => command.about(about).long_about(long),
        (Some(about), None) => command.about(about),
        (None, Some(long)) => command.long_about(long),
        (None, None) => command,
    }
}

impl<T: Args> Args for Late<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(|command| telling_the_same(command, T::augment_args))
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(|command| telling_the_same(command, T::augment_args_for_update))
    }
}

impl<T: Subcommand> Subcommand for Late<T> {
    fn augment_subcommands(command: Command) -> Command {
        command.defer(|command| telling_the_same(command, T::augment_subcommands))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        command.defer(|command| telling_the_same(command, T::augment_subcommands_for_update))
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn a_command_says_the_same_of_itself_before_and_after_its_arguments_are_made() {
        let listed = Cli::command();
        let mut made = Cli::command();
        made.build();
        for command in listed.get_subcommands() {
            let name = command.get_name();
            assert_eq!(
                (command.get_arguments().count(), command.get_subcommands().count()),
                (0, 0),
                "{name}"
            );
            let made = made.find_subcommand(name).unwrap();
            assert!(made.get_arguments().count() > 0, "{name}");
            assert_eq!(made.get_about(), command.get_about(), "{name}");
            assert_eq!(made.get_long_about(), command.get_long_about(), "{name}");
        }
    }
}
