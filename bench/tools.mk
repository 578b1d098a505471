# The load tools in C: make -f bench/tools.mk
here := $(dir $(lastword $(MAKEFILE_LIST)))
bin := $(here)bin
CFLAGS ?= -O2
warnings := -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror

tools: $(bin)/floor $(bin)/rtpload

$(bin)/rtpload: $(here)histogram.h $(here)rtp.h

$(bin)/%: $(here)%.c
	@mkdir -p $(bin)
	$(CC) $(CFLAGS) $(warnings) -o $@ $<

clean:
	rm -rf $(bin)

.PHONY: tools clean
