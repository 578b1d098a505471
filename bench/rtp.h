/* RTP headers: written, and skipped (RFC 3550 section 5.1). */
#ifndef BENCH_RTP_H
#define BENCH_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RTP_BYTES = 12 };

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

/* Version 2 without padding, extension or contributing sources; the marker says that talk begins. */
static void put_rtp_header(uint8_t *packet, int payload_type, bool is_marked, uint32_t sequence, uint32_t timestamp,
                           uint32_t ssrc)
{
    packet[0] = 0x80;
    packet[1] = (uint8_t)(payload_type | (is_marked ? 0x80 : 0));
    put16(packet + 2, sequence);
    put32(packet + 4, timestamp);
    put32(packet + 8, ssrc);
}

/* Where the payload of an RTP packet begins; 0 when it is none. */
static size_t payload_at(const uint8_t *packet, size_t size)
{
    if (size < RTP_BYTES || packet[0] >> 6 != 2)
        return 0;
    size_t at = RTP_BYTES + 4u * (packet[0] & 15u);
    if (packet[0] & 0x10) { /* header extension, RFC 3550 section 5.3.1 */
        if (size < at + 4)
            return 0;
        at += 4 + 4u * (size_t)(packet[at + 2] << 8 | packet[at + 3]);
    }
    return at <= size ? at : 0;
}

#endif
