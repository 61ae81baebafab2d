package workflow

import (
	"testing"

	"go.uber.org/goleak"

	"ptyx/internal/base/testutil"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, testutil.IgnoreBrokers()...) }
