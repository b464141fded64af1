//! The operator from its edges: fixtures in, objects and status out; and what it says to an API server.

mod api;
mod children;
mod installation;
mod safety;
mod settings;
mod states;
mod world;
