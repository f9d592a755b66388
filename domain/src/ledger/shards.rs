//! One map as many small ones: a map of a million entries that grows stops the sale for the time it moves them all.

/// How many. With 64, growing at a million entries moves 16 thousand at once: half a millisecond.
const SHARDS: usize = 64;

/// A fixed number of `T`, chosen by the key's low bits.
#[derive(Clone, Debug)]
pub(super) struct Shards<T>(Vec<T>);

impl<T: Default> Default for Shards<T> {
    fn default() -> Self {
        Self(std::iter::repeat_with(T::default).take(SHARDS).collect())
    }
}

impl<T> Shards<T> {
    pub(super) fn of(&self, key: i64) -> &T {
        &self.0[index(key)]
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub(super) fn of_mut(&mut self, key: i64) -> &mut T {
        &mut self.0[index(key)]
    }
}

fn index(key: i64) -> usize {
    usize::try_from(key.unsigned_abs() % SHARDS as u64).unwrap_or(0)
}
