package main

// queue is first in, first out, in one slice: popping moves an index, and what was popped is given up when it is half.
type queue struct {
	items []*entry
	head  int
}

func (q *queue) len() int { return len(q.items) - q.head }

func (q *queue) push(e *entry) { q.items = append(q.items, e) }

func (q *queue) pop() *entry {
	e := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	if q.head > 1024 && q.head*2 > len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	} else if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return e
}

func (q *queue) swapWithFirst(i int) {
	q.items[q.head], q.items[q.head+i] = q.items[q.head+i], q.items[q.head]
}
