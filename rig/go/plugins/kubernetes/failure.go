package kubernetes

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
)

// initFailed says that the object exists but did not become ready: the engine stores it, shows the reasons and
// tries again with the next update.
func initFailed(t target, done string, outputs, inputs resource.PropertyMap, reasons []string) error {
	message := fmt.Sprintf("%s was successfully %s, but the Kubernetes API server reported that it failed to fully initialize or become live: %s",
		t, done, strings.Join(reasons, "; "))
	options := plugin.MarshalOptions{KeepSecrets: true, KeepUnknowns: true}
	state, err := plugin.MarshalProperties(outputs, options)
	if err != nil {
		return err
	}
	checked, err := plugin.MarshalProperties(inputs, options)
	if err != nil {
		return err
	}
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, message), &pulumirpc.ErrorResourceInitFailed{
		Id: string(t.id()), Properties: state, Reasons: reasons, Inputs: checked,
	})
}
