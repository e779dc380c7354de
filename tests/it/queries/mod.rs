//! The whole corpus gives the same answers on all four metadata stores: 500 questions from a fixed seed, each asked of each store,
//! and most of them answered a second time by looking at every package.

mod answer;
mod catalogue;
mod dice;
mod expected;
mod generate;
mod question;
mod test;
