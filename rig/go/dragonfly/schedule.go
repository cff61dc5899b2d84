package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// schedule holds, per field of a cron line, which values match: minute, hour, day of month, month, day of week.
type schedule [5][]bool

var ranges = [5][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}

func parseSchedule(text string) (*schedule, error) {
	fields := strings.Fields(text)
	if len(fields) != 5 {
		return nil, fmt.Errorf("%q has %d fields, want 5", text, len(fields))
	}
	var parsed schedule
	for i, field := range fields {
		parsed[i] = make([]bool, ranges[i][1]+1)
		for _, part := range strings.Split(field, ",") {
			from, to, step, err := parsePart(part, ranges[i])
			if err != nil {
				return nil, fmt.Errorf("%q: %w", text, err)
			}
			for value := from; value <= to; value += step {
				parsed[i][value] = true
			}
		}
	}
	parsed[4][0] = parsed[4][0] || parsed[4][7] // both mean Sunday
	return &parsed, nil
}

func parsePart(part string, limits [2]int) (from, to, step int, err error) {
	span, every, stepped := strings.Cut(part, "/")
	from, to, step = limits[0], limits[1], 1
	if stepped {
		if step, err = strconv.Atoi(every); err != nil || step < 1 {
			return 0, 0, 0, fmt.Errorf("step %q", every)
		}
	}
	if span != "*" {
		low, high, ranged := strings.Cut(span, "-")
		if from, err = strconv.Atoi(low); err == nil && ranged {
			to, err = strconv.Atoi(high)
		} else if !stepped {
			to = from
		}
	}
	if err != nil || from < limits[0] || to > limits[1] || from > to {
		return 0, 0, 0, fmt.Errorf("field %q is not within %d-%d", part, limits[0], limits[1])
	}
	return from, to, step, nil
}

func (s *schedule) matches(at time.Time) bool {
	return s[0][at.Minute()] && s[1][at.Hour()] && s[2][at.Day()] && s[3][int(at.Month())] && s[4][int(at.Weekday())]
}

// snapshots asks for one in every minute that matches.
func (s settings) snapshots(done context.Context, store valkey) {
	for s.schedule != nil {
		next := time.Now().Truncate(time.Minute).Add(time.Minute)
		select {
		case <-done.Done():
			return
		case <-time.After(time.Until(next)):
		}
		if s.schedule.matches(next.UTC()) {
			if _, err := store.ask("BGSAVE"); err != nil {
				say("E", "snapshot: "+err.Error())
			}
		}
	}
}
