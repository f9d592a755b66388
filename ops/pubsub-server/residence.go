package main

import "sync/atomic"

// residence says who still waits for a message, and which segment of the journal keeps it meanwhile.
type residence struct {
	waiting atomic.Int32
	home    atomic.Pointer[segment]
	// False while some subscriptions have the message and others will get it in a moment: until then nobody can say for
	// whom it would have to be written once more. Shared by what was published together; nil after a recovery.
	handedOut *atomic.Bool
}

func (m *message) isHandedOut() bool { return m.handedOut == nil || m.handedOut.Load() }

// settleIn moves a message into a segment. Only the journal's writer and the recovery move messages, and whoever has one
// moved counts among those who wait for it meanwhile.
func (m *message) settleIn(home *segment) {
	home.live.Add(1)
	home.liveBytes.Add(int64(len(m.frame)))
	if old := m.home.Swap(home); old != nil {
		m.leave(old)
	}
}

func (m *message) leave(home *segment) {
	home.live.Add(-1)
	home.liveBytes.Add(-int64(len(m.frame)))
}

// done notes that one subscription needs the message no more.
func (m *message) done() {
	if m.waiting.Add(-1) == 0 {
		if home := m.home.Load(); home != nil {
			m.leave(home)
		}
	}
}
