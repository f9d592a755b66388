package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// service is the broker behind Google's interfaces.
type service struct {
	pb.UnimplementedPublisherServer
	pb.UnimplementedSubscriberServer
	broker *broker
}

func newOurs(b *broker, mux *http.ServeMux) *grpc.Server {
	api := &service{broker: b}
	server := newGRPC(grpc.ForceServerCodecV2(newCodec()))
	publisher := replaceMethod(pb.Publisher_ServiceDesc, "Publish", handlePublish)
	subscriber := replaceMethod(pb.Subscriber_ServiceDesc, "Pull", handlePull)
	server.RegisterService(&publisher, api)
	server.RegisterService(&subscriber, api)
	serveAdmin(mux, api)
	b.faults.serve(mux)
	b.serveStats(mux)
	return server
}

// replaceMethod gives a method a handler that reads or writes raw bytes instead of generated types.
func replaceMethod(desc grpc.ServiceDesc, name string, handler grpc.MethodHandler) grpc.ServiceDesc {
	desc.Methods = slices.Clone(desc.Methods)
	for i := range desc.Methods {
		if desc.Methods[i].MethodName == name {
			desc.Methods[i].Handler = handler
		}
	}
	return desc
}

func handlePublish(api any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	request := &publishRequest{}
	if err := decode(request); err != nil {
		return nil, err
	}
	first, err := api.(*service).broker.publishFaulty(ctx, request)
	if err != nil {
		return nil, err
	}
	return encodePublished(first, len(request.messages)), nil
}

// How long a Pull waits for its first message; Google does not say.
const pullPatience = 5 * time.Second

func handlePull(api any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	request := &pb.PullRequest{}
	if err := decode(request); err != nil {
		return nil, err
	}
	s, err := api.(*service).broker.subscription(request.Subscription)
	if err != nil {
		return nil, err
	}
	if request.MaxMessages <= 0 {
		return nil, status.Error(codes.InvalidArgument, "max_messages must be greater than 0")
	}
	st := s.join(0, 0, 0)
	defer s.leave(st)
	patience := time.NewTimer(pullPatience)
	defer patience.Stop()
	for {
		if batch := s.take(st, int(request.MaxMessages)); len(batch) > 0 {
			return encodeReceived(batch), nil
		}
		select {
		case <-st.wake:
		case <-patience.C:
			return encodeReceived(nil), nil
		case <-s.deleted:
			return nil, notFound(request.Subscription)
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
}

func (s *service) Acknowledge(_ context.Context, request *pb.AcknowledgeRequest) (*emptypb.Empty, error) {
	found, err := s.broker.subscription(request.Subscription)
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, s.broker.ack(found, request.AckIds)
}

func (s *service) ModifyAckDeadline(_ context.Context, request *pb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	found, err := s.broker.subscription(request.Subscription)
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, s.broker.extend(found, request.AckIds, request.AckDeadlineSeconds)
}

func (s *service) StreamingPull(call pb.Subscriber_StreamingPullServer) error {
	first, err := call.Recv()
	if err != nil {
		return err
	}
	found, err := s.broker.subscription(first.Subscription)
	if err != nil {
		return err
	}
	if err := s.broker.checkAckDeadline(first.StreamAckDeadlineSeconds); err != nil {
		return err
	}
	// A client waits for the headers before it waits for messages.
	if err := call.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	st := found.join(first.StreamAckDeadlineSeconds, first.MaxOutstandingMessages, first.MaxOutstandingBytes)
	defer found.leave(st)
	ended := make(chan error, 2)
	go func() { ended <- s.receive(call, found, st, first) }()
	go func() { ended <- send(call, found, st) }()
	select {
	case err := <-ended:
		return err
	case <-found.deleted:
		return notFound(first.Subscription)
	case <-st.dropped:
		return status.Error(codes.Unavailable, "The server ended the stream, as it does from time to time.")
	}
}

// receive does what the client asks for on the stream until it closes its side.
func (s *service) receive(call pb.Subscriber_StreamingPullServer, from *subscription, st *stream, request *pb.StreamingPullRequest) error {
	for {
		if len(request.ModifyDeadlineSeconds) != len(request.ModifyDeadlineAckIds) {
			return status.Error(codes.InvalidArgument, "modify_deadline_seconds and modify_deadline_ack_ids differ in length")
		}
		if len(request.AckIds) > 0 {
			if err := s.broker.ack(from, request.AckIds); err != nil {
				return err
			}
		}
		for i, seconds := range request.ModifyDeadlineSeconds {
			if err := s.broker.extend(from, request.ModifyDeadlineAckIds[i:i+1], seconds); err != nil {
				return err
			}
		}
		var err error
		if request, err = call.Recv(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if seconds := request.StreamAckDeadlineSeconds; seconds > 0 {
			if err := s.broker.checkAckDeadline(seconds); err != nil {
				return err
			}
			from.mu.Lock()
			st.deadline = seconds
			from.mu.Unlock()
		}
	}
}

// send delivers what the subscription has for this stream. gRPC's own flow control holds it back when the client does not
// read.
func send(call pb.Subscriber_StreamingPullServer, from *subscription, st *stream) error {
	for {
		batch := from.take(st, maxBatch)
		if len(batch) > 0 {
			if err := call.SendMsg(encodeReceived(batch)); err != nil {
				return err
			}
			continue
		}
		select {
		case <-st.wake:
		case <-call.Context().Done():
			return status.FromContextError(call.Context().Err()).Err()
		case <-from.deleted:
			return notFound(from.settings().Name)
		case <-st.dropped:
			return nil
		}
	}
}
