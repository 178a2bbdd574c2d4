//! Merges by going through all dots of both sides and asking of each whether anybody has seen it go.

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    pub fn write(&mut self, replica: &R, context: &VersionVector<R>, value: V) -> Dot<R> {
        let known = self.seen.get(replica).max(context.get(replica));
        let dot = Dot {
            replica: replica.clone(),
            counter: known.saturating_add(1),
        };
        let old = std::mem::take(&mut self.values);
        self.values.insert(dot.clone(), value);
        for (dot, value) in old {
            if !context.contains(&dot) {
                self.values.insert(dot, value);
            }
        }
        self.seen.insert(&dot);
        self.seen.merge(context);
        dot
    }

    pub fn delete(&mut self, context: &VersionVector<R>) {
        for (replica, counter) in context.iter() {
            let (replica, last) = (replica.clone(), counter);
            self.values
                .retain(|dot, _| dot.replica != replica || dot.counter > last);
            self.seen.insert(&Dot { replica, counter });
        }
    }

    pub fn merge(&mut self, other: &Siblings<R, V>) {
        let mut all = self.values.clone();
        all.extend(other.values.clone());
        let gone_from = |side: &Siblings<R, V>, dot: &Dot<R>| {
            side.seen.contains(dot) && !side.values.contains_key(dot)
        };
        all.retain(|dot, _| !gone_from(self, dot) && !gone_from(other, dot));
        self.values = all;
        self.seen.merge(&other.seen);
    }
}
