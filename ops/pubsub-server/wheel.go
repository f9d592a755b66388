package main

import "time"

// leaseTick is how exact the end of a lease is, in milliseconds.
const leaseTick = 50

func nowMillis() int64 { return time.Now().UnixMilli() }

// wheel finds the leases that end, without a timer for each. An extended lease stays in its bucket: only when that bucket
// is due it moves on to the one of its later end. So extending, which clients do all the time, costs an assignment.
type wheel struct {
	buckets map[int64][]*entry
	last    int64 // the last bucket emptied
	spare   [][]*entry
}

func newWheel(now int64) wheel { return wheel{buckets: map[int64][]*entry{}, last: now / leaseTick} }

// put makes sure that the entry is looked at when it is due, or earlier.
func (w *wheel) put(e *entry) {
	tick := max(e.due/leaseTick, w.last) + 1
	if e.tick > w.last && e.tick <= tick {
		return
	}
	e.tick = tick
	bucket, exists := w.buckets[tick]
	if n := len(w.spare); !exists && n > 0 {
		bucket, w.spare = w.spare[n-1], w.spare[:n-1]
	}
	w.buckets[tick] = append(bucket, e)
}

// advance empties the buckets up to now and hands over the entries that are really due.
func (w *wheel) advance(now int64, due func(*entry)) {
	for tick := w.last + 1; tick <= now/leaseTick; tick++ {
		bucket, exists := w.buckets[tick]
		w.last = tick
		if !exists {
			continue
		}
		delete(w.buckets, tick)
		for _, e := range bucket {
			// Put into an earlier bucket since, or forgotten: not this bucket's any more.
			if e.tick != tick || e.state == gone {
				continue
			}
			e.tick = 0
			switch {
			case e.state == ready:
			case e.due > now:
				w.put(e)
			default:
				due(e)
			}
		}
		clear(bucket)
		if len(w.spare) < 16 {
			w.spare = append(w.spare, bucket[:0])
		}
	}
}
