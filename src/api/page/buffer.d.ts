/** src/cluster/keys/key-slot.ts names this type of Node.js for a library that only reads bytes; a browser has no such thing. */
interface Buffer extends Uint8Array {}
