//! Peers that have connected and are on their way to introduce themselves: how many may be at once, and who has to give
//! way to those who come. Never hears or says anything itself.

use std::collections::{HashMap, VecDeque};
use std::future::Future;

use tokio::task::{AbortHandle, JoinError, JoinSet};
use traitwire_core::Limits;

/// A peer's user, where the kernel has named one.
pub(super) type User = Option<u32>;

/// Introductions under way. Silence costs the silent: where there is no room, the oldest of the user gives way who has
/// most of them under way, so that a user who has few loses none to one who has many.
pub(super) struct Arrivals<T> {
    most: usize,
    most_of_user: usize,
    introductions: JoinSet<T>,
    /// Those under way, the oldest first, and some that are over.
    order: VecDeque<(User, AbortHandle)>,
}

impl<T: Send + 'static> Arrivals<T> {
    /// As many as may be connected without a hello (`max_handshakes`), and of one user as many as it may have connections
    /// (`max_peer_connections`).
    pub(super) fn new(limits: &Limits) -> Self {
        let count = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            most: count(limits.max_handshakes),
            most_of_user: count(limits.max_peer_connections),
            introductions: JoinSet::new(),
            order: VecDeque::new(),
        }
    }

    /// Lets a peer introduce itself, perhaps in place of another.
    pub(super) fn admit(&mut self, user: User, introduction: impl Future<Output = T> + Send + 'static) {
        self.order.retain(|(_, introduction)| !introduction.is_finished());
        if self.order.iter().filter(|(whose, _)| *whose == user).count() >= self.most_of_user {
            self.give_way(user);
        } else if self.order.len() >= self.most {
            self.give_way(self.most_numerous());
        }
        self.order.push_back((user, self.introductions.spawn(introduction)));
    }

    /// What came of the next one that is over: an error where it had to give way. `None` if none is under way. Cancel
    /// safe.
    pub(super) async fn next(&mut self) -> Option<Result<T, JoinError>> {
        self.introductions.join_next().await
    }

    /// Who has most under way; among several such, who has the oldest.
    fn most_numerous(&self) -> User {
        let mut counts = HashMap::<User, usize>::new();
        for (user, _) in &self.order {
            *counts.entry(*user).or_default() += 1;
        }
        let most = counts.values().copied().max();
        let is_it = |user: &User| counts.get(user).copied() == most;
        self.order.iter().map(|(user, _)| *user).find(is_it).flatten()
    }

    fn give_way(&mut self, user: User) {
        if let Some(oldest) = self.order.iter().position(|(whose, _)| *whose == user)
            && let Some((_, introduction)) = self.order.remove(oldest)
        {
            introduction.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who has had to go, in that order, when these users come one after another and say nothing.
    async fn gone(most: u32, most_of_user: u32, users: &[u32]) -> Vec<usize> {
        let mut limits = Limits::default();
        (limits.max_handshakes, limits.max_peer_connections) = (most, most_of_user);
        let mut arrivals = Arrivals::new(&limits);
        let mut all = Vec::new();
        let mut gone = Vec::new();
        for user in users {
            arrivals.admit(Some(*user), std::future::pending::<()>());
            all.extend(arrivals.order.back().map(|(_, introduction)| introduction.clone()));
            if arrivals.order.len() < arrivals.introductions.len() {
                assert!(arrivals.next().await.is_some_and(|over| over.is_err()));
            }
            let over = |at: &usize| all[*at].is_finished() && !gone.contains(at);
            let now: Vec<usize> = (0..all.len()).filter(over).collect();
            gone.extend(now);
        }
        gone
    }

    #[tokio::test]
    async fn the_oldest_of_the_user_with_most_gives_way() {
        for (limits, users, expected) in [
            ((3, 9), &[1, 1, 1, 1, 1][..], &[0, 1][..]),
            // One user in a crowd of another's.
            ((3, 9), &[2, 1, 1, 1, 1, 1], &[1, 2, 3]),
            ((3, 9), &[1, 1, 1, 2, 1, 1], &[0, 1, 2]),
            // With as many each, the oldest of all.
            ((2, 9), &[1, 2, 3], &[0]),
            // Of one user no more than it may have connections, though there is room.
            ((9, 2), &[1, 2, 1, 1, 2, 2], &[0, 1]),
        ] {
            let (most, most_of_user) = limits;
            assert_eq!(gone(most, most_of_user, users).await, expected, "{limits:?} {users:?}");
        }
    }
}
