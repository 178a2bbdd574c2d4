//! The warm-up: a node in 60 lines, and three exercises of twenty minutes.
//!
//! A *node* is a process of a distributed system: it gets messages, it sends messages, it has a disk, and at any moment it
//! may lose its power. [`counter`] is a whole one. It works, as long as nothing goes wrong. Each exercise takes one thing
//! that goes wrong, and what every system does about it:
//!
//! | module | what goes wrong | what is done about it |
//! | --- | --- | --- |
//! | [`retry`] | a message is lost, or comes twice | send it again; do what it asks once |
//! | [`persist`] | the power fails | be on the disk before you say yes |
//! | [`room`] | a message comes late | read a replay, see which one it is, mend it |
//!
//! None of these nodes opens a socket or a file, asks for the time, or starts a thread. Whatever happens comes in as an
//! [`node::Event`], whatever the node wants goes out through [`node::Ctx`]. So a test decides what happens and when: it
//! loses a message, or cuts the power between two lines of code. It draws all of that from a number, the *seed*, and the
//! same seed makes the same run again.
//!
//! # The Rust that you need
//!
//! If you know Python, this is what is new here. There is nothing else in the three exercises.
//!
//! **An enum is a choice of forms, and `match` looks which one it is.** Python has `match` too; Rust's must name every form,
//! so you cannot forget one. `_` is all the others.
//!
//! ```
//! enum Message {
//!     Add { amount: u64 },
//!     Hello,
//! }
//!
//! let message = Message::Add { amount: 3 };
//! let told = match message {
//!     Message::Add { amount } => format!("{amount} more"),
//!     Message::Hello => "hello".to_owned(),
//! };
//! assert_eq!(told, "3 more");
//! ```
//!
//! **`Option` instead of `None` where something was expected.** A value that may be missing has the type `Option<T>`, and is
//! `Some(value)` or `None`. The compiler does not let you use it before you have looked. `let … else` looks, and leaves
//! where there is nothing; `if let` goes on only where there is something.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! let mut ages: BTreeMap<&str, u32> = BTreeMap::new(); // a dict that is sorted by its keys
//! ages.insert("ada", 36);
//!
//! if let Some(age) = ages.get("ada") {
//!     assert_eq!(*age, 36); // `get` lends you the value; `*` reads what was lent
//! }
//!
//! fn age(ages: &BTreeMap<&str, u32>, name: &str) -> u32 {
//!     let Some(age) = ages.get(name) else {
//!         return 0;
//!     };
//!     *age
//! }
//! assert_eq!(age(&ages, "bob"), 0);
//! ```
//!
//! **`Result` instead of exceptions.** What may fail returns `Ok(value)` or `Err(why)`. You look at it as at an `Option`, or
//! ask `.is_err()`. Nobody throws, so an error that you do not look at is lost; the compiler warns.
//!
//! ```
//! let parsed: Result<u32, _> = "12".parse();
//! assert_eq!(parsed, Ok(12));
//! assert!("twelve".parse::<u32>().is_err());
//! ```
//!
//! **`&` lends, `&mut` lends for changing.** `&self` may look at the object, `&mut self` may change it. A value that is lent
//! for changing is lent to one only: nobody else sees it half changed.
//!
//! ```
//! struct Counter {
//!     total: u64,
//! }
//!
//! impl Counter {
//!     fn add(&mut self, amount: u64) -> u64 {
//!         self.total += amount;
//!         self.total // the last expression, without `;`, is what is returned
//!     }
//! }
//!
//! let mut counter = Counter { total: 0 };
//! assert_eq!(counter.add(2), 2);
//! ```
//!
//! **`todo!("…")` is `raise NotImplementedError`.** It fits wherever a value of any type is needed: that is why a workspace
//! full of exercises compiles.

pub mod counter;
pub mod persist;
pub mod retry;
pub mod room;
