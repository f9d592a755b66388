package main

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// The longest request: Google takes 10 MB of messages, and their frames need some room.
const maxRequestBytes = 16 << 20

func newGRPC(options ...grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(options,
		grpc.MaxRecvMsgSize(maxRequestBytes),
		grpc.InitialWindowSize(4<<20),
		grpc.InitialConnWindowSize(16<<20),
		grpc.ReadBufferSize(128<<10),
		grpc.WriteBufferSize(128<<10),
		// A client that died in silence must not be sent messages for ever: its streams end after ten seconds.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 5 * time.Second, Timeout: 5 * time.Second}),
		// Clients ping as they like; Google's default here would throw out those that ping often.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
	)...)
}

// serve answers gRPC and REST on one port until the context ends. A connection is told by its first bytes: gRPC begins
// with the HTTP/2 preface, "PRI * HTTP/2.0". (grpc.Server as an http.Handler would share a port too, at twice the CPU.)
func serve(ctx context.Context, listener net.Listener, rpc *grpc.Server, rest http.Handler) error {
	forRPC, forREST := newHandOver(listener.Addr()), newHandOver(listener.Addr())
	web := &http.Server{Handler: rest, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 3)
	go func() { ended <- rpc.Serve(forRPC) }()
	go func() { ended <- web.Serve(forREST) }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				ended <- err
				return
			}
			go dispatch(conn, forRPC, forREST)
		}
	}()
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	// Streams never end by themselves, so there is nothing to wait for gracefully.
	err = errors.Join(err, listener.Close())
	rpc.Stop()
	return errors.Join(err, web.Close())
}

func dispatch(conn net.Conn, forRPC, forREST *handOver) {
	sniffed := &sniffedConn{Conn: conn, reader: bufio.NewReader(conn)}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	start, err := sniffed.reader.Peek(3)
	_ = conn.SetReadDeadline(time.Time{})
	if err != nil {
		_ = conn.Close()
		return
	}
	to := forREST
	if string(start) == "PRI" {
		to = forRPC
	}
	select {
	case to.conns <- sniffed:
	case <-to.closed:
		_ = conn.Close()
	}
}

// sniffedConn gives back the bytes that were looked at, and then reads the connection directly.
type sniffedConn struct {
	net.Conn
	reader *bufio.Reader
}

func (c *sniffedConn) Read(p []byte) (int, error) {
	if c.reader != nil {
		if c.reader.Buffered() > 0 {
			return c.reader.Read(p)
		}
		c.reader = nil
	}
	return c.Conn.Read(p)
}

// handOver is a listener that is given its connections.
type handOver struct {
	address net.Addr
	conns   chan net.Conn
	closed  chan struct{}
}

func newHandOver(address net.Addr) *handOver {
	return &handOver{address: address, conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *handOver) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *handOver) Close() error {
	close(l.closed)
	return nil
}

func (l *handOver) Addr() net.Addr { return l.address }

func startProfile(path string) (func(), error) {
	if path == "" {
		return func() {}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return pprof.StopCPUProfile, pprof.StartCPUProfile(file)
}
