// A Pub/Sub server for tests and load runs on one machine: Google's gRPC data plane and REST administration on one
// port, over a journal that is on the disk before a publisher hears of success. Not a product: it trusts everybody and
// knows neither ordering, filters, push nor exactly-once delivery.
//
// With -pstest it serves Google's own test server through the same door, so that the tests which prove our client
// against this server can prove it against Google's idea of Pub/Sub, too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "address to serve gRPC and REST on")
	data := flag.String("data", "", "directory of the journal (required without -pstest)")
	useGoogles := flag.Bool("pstest", false, "serve Google's pstest instead, which keeps nothing")
	minAckDeadline := flag.Int("min-ack-deadline", 10, "shortest ack deadline accepted, in seconds (Google: 10)")
	profile := flag.String("cpu-profile", "", "write a CPU profile to this file until the end")
	flag.Parse()
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	if err := run(*address, *data, *useGoogles, int32(*minAckDeadline), *profile); err != nil {
		fmt.Fprintln(os.Stderr, "pubsub-server:", err)
		os.Exit(1)
	}
}

func run(address, data string, useGoogles bool, minAckDeadline int32, profile string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	stopProfile, err := startProfile(profile)
	if err != nil {
		return err
	}
	defer stopProfile()

	mux := http.NewServeMux()
	// Whoever started us asks, to be sure that it is us who answer on this port.
	mux.HandleFunc("GET /who", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, os.Getpid()) })
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if useGoogles {
		server := newGoogles(mux)
		log.Printf("Google's pstest on %s", listener.Addr())
		return serve(ctx, listener, server, mux)
	}
	if data == "" {
		return errors.New("-data is missing")
	}
	broker, err := openBroker(data, minAckDeadline)
	if err != nil {
		return err
	}
	server := newOurs(broker, mux)
	log.Printf("serving %s on %s", data, listener.Addr())
	served := make(chan struct{})
	go func() {
		defer close(served)
		broker.expireLeases(ctx, leaseTick*time.Millisecond)
	}()
	err = serve(ctx, listener, server, mux)
	stop()
	<-served
	return errors.Join(err, broker.close())
}
