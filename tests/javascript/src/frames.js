// Frames (section 2): a length in four bytes and one message, the limits on them, and what a receiver makes of bytes.

import { Malformed, Unsupported } from './codec.js';

export class BrokenFrame extends Error {
  constructor(outcome) { super(outcome === 'empty' ? 'a frame without a message' : 'a frame over the limit'); this.outcome = outcome; }
}

export const limits = { beforeLogin: 4_096, request: 65_536, reply: 1_048_576 };

/** The limit on frames of a sender. */
export function limitFor(port, direction, loggedIn) {
  if (direction === 'reply') return limits.reply;
  return port === 'user' && !loggedIn ? limits.beforeLogin : limits.request;
}

export const frameParts = {
  /** The announced length, as soon as its four bytes are there and before anything is reserved for the rest. */
  announced(buffer) {
    return buffer.length < 4 ? null : buffer.readUInt32BE(0);
  },
  judgeLength(length, limit) {
    if (length === 0) throw new BrokenFrame('empty');
    if (length > limit) throw new BrokenFrame('too_long');
  },
};

export function frameOf(payload, limit) {
  frameParts.judgeLength(payload.length, limit);
  const out = Buffer.alloc(4 + payload.length);
  out.writeUInt32BE(payload.length, 0);
  out.set(payload, 4);
  return out;
}

/** Takes bytes as they come and gives whole payloads. */
export class FrameReader {
  #chunks = [];
  #bytes = 0;
  constructor(limit) { this.limit = limit; }
  push(chunk) { this.#chunks.push(chunk); this.#bytes += chunk.length; }
  /** The next payload, or null when more bytes are needed. */
  next() {
    if (this.#bytes < 4) return null;
    if (this.#chunks[0].length < 4) this.#join();
    const length = frameParts.announced(this.#chunks[0]);
    frameParts.judgeLength(length, this.limit);
    if (this.#bytes < 4 + length) return null;
    this.#join();
    const [all] = this.#chunks;
    const payload = all.subarray(4, 4 + length);
    this.#chunks = [all.subarray(4 + length)];
    this.#bytes -= 4 + length;
    return payload;
  }
  #join() { if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]; }
}

/**
 * What a receiver makes of `frame`: an outcome of the vectors, and the message when it is one. The frame comes in pieces of
 * `piece` bytes, as the network likes.
 */
export function judge(messages, direction, loggedIn, frame, piece = frame.length) {
  const reader = new FrameReader(limitFor(messages.port, direction, loggedIn));
  try {
    let payload = null;
    for (let at = 0; at < frame.length && payload === null; at += piece) {
      reader.push(frame.subarray(at, at + piece));
      payload = reader.next();
    }
    if (payload === null) return { outcome: 'incomplete' };
    const value = direction === 'request' ? messages.decodeRequest(payload) : messages.decodeReply(payload);
    return { outcome: 'message', value };
  } catch (e) {
    if (e instanceof BrokenFrame) return { outcome: e.outcome };
    if (e instanceof Unsupported) return { outcome: 'unsupported' };
    if (e instanceof Malformed) return { outcome: 'malformed' };
    throw e;
  }
}
