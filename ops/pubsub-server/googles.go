package main

import (
	"net/http"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
)

// newGoogles serves Google's pstest. It also listens on a port of its own, which nobody is told.
func newGoogles(mux *http.ServeMux) *grpc.Server {
	api := &pstest.NewServer().GServer
	server := newGRPC()
	pb.RegisterPublisherServer(server, api)
	pb.RegisterSubscriberServer(server, api)
	serveAdmin(mux, api)
	return server
}
