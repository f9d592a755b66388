//! A whole shop on one thread, in paused time, from one seed: the logic of the actors over backends in memory, while everything
//! that can go wrong does.
