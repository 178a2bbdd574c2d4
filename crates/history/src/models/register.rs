//! One value that is read, written, and compared and swapped.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Model, Step};
use crate::Operation;

/// One value, or nothing, at first nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Register;

/// What a register can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RegisterInput {
    /// Its value.
    Read,
    /// To hold this from now on; None deletes.
    Write(Option<String>),
    /// To hold `to` from now on, if it holds `from`.
    Cas {
        /// What it must hold.
        from: Option<String>,
        /// What it holds then.
        to: Option<String>,
    },
}

/// What a register answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RegisterOutput {
    /// To a read.
    Value(Option<String>),
    /// To a write.
    Written,
    /// To a compare-and-swap: whether it held what was expected.
    Swapped(bool),
}

impl RegisterInput {
    /// A write of this value.
    pub fn write(value: impl Into<String>) -> Self {
        RegisterInput::Write(Some(value.into()))
    }

    /// A compare-and-swap of two values.
    pub fn cas(from: impl Into<String>, to: impl Into<String>) -> Self {
        RegisterInput::Cas {
            from: Some(from.into()),
            to: Some(to.into()),
        }
    }
}

impl RegisterOutput {
    /// The answer to a read that found this value.
    pub fn value(value: impl Into<String>) -> Self {
        RegisterOutput::Value(Some(value.into()))
    }
}

impl Model for Register {
    type State = Option<String>;
    type Input = RegisterInput;
    type Output = RegisterOutput;

    fn initial(&self) -> Option<String> {
        None
    }

    fn step(
        &self,
        state: &Option<String>,
        input: &RegisterInput,
        output: Option<&RegisterOutput>,
    ) -> Step<Option<String>> {
        let fits = |expected: RegisterOutput| output.is_none_or(|output| *output == expected);
        match input {
            RegisterInput::Read if fits(RegisterOutput::Value(state.clone())) => Step::Unchanged,
            RegisterInput::Write(value) if fits(RegisterOutput::Written) => Step::To(value.clone()),
            RegisterInput::Cas { from, to } if fits(RegisterOutput::Swapped(from == state)) => {
                if from == state {
                    Step::To(to.clone())
                } else {
                    Step::Unchanged
                }
            }
            _ => Step::Impossible,
        }
    }

    fn is_read(&self, input: &RegisterInput) -> bool {
        *input == RegisterInput::Read
    }

    /// A value that nobody has seen or expects explains nothing, but for a compare-and-swap that found another one than it expected.
    fn relevant(&self, operations: &[Operation<&RegisterInput, &RegisterOutput>]) -> Vec<bool> {
        let has_failed = |operation: &Operation<&RegisterInput, &RegisterOutput>| {
            matches!(operation.output, Some(RegisterOutput::Swapped(false)))
        };
        let is_answered = |operation: &Operation<_, _>| operation.returned.is_some();
        if operations
            .iter()
            .any(|operation| has_failed(operation) && is_answered(operation))
        {
            return operations
                .iter()
                .map(|operation| is_answered(operation) || !has_failed(operation))
                .collect();
        }
        let mut seen = BTreeSet::new();
        for operation in operations {
            match (operation.input, operation.output) {
                (_, Some(RegisterOutput::Value(value)))
                | (RegisterInput::Cas { from: value, .. }, _) => {
                    seen.insert(value);
                }
                _ => {}
            }
        }
        let explains =
            |operation: &Operation<&RegisterInput, &RegisterOutput>| match operation.input {
                RegisterInput::Read => false,
                RegisterInput::Write(value) | RegisterInput::Cas { to: value, .. } => {
                    seen.contains(value) && !has_failed(operation)
                }
            };
        operations
            .iter()
            .map(|operation| is_answered(operation) || explains(operation))
            .collect()
    }

    fn describe(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> String {
        let show = |value: &Option<String>| value.clone().unwrap_or("nothing".to_owned());
        let answer = match output {
            None => "?".to_owned(),
            Some(RegisterOutput::Value(value)) => show(value),
            Some(RegisterOutput::Written) => "ok".to_owned(),
            Some(RegisterOutput::Swapped(true)) => "swapped".to_owned(),
            Some(RegisterOutput::Swapped(false)) => "was another".to_owned(),
        };
        match input {
            RegisterInput::Read => format!("read → {answer}"),
            RegisterInput::Write(None) => format!("delete → {answer}"),
            RegisterInput::Write(value) => format!("write {} → {answer}", show(value)),
            RegisterInput::Cas { from, to } => {
                format!("cas {} to {} → {answer}", show(from), show(to))
            }
        }
    }
}
