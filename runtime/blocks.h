/* How time is cut into blocks: what whoever runs a kernel must agree on. Sums over steps are made
 * block by block, so results are the same bits only with the same blocks. */
#ifndef CELLWRIGHT_RUNTIME_BLOCKS_H
#define CELLWRIGHT_RUNTIME_BLOCKS_H

enum {
  /* Rows that the stages before and after the recurrence do at once: their vectors of some hundred
   * columns stay in the second cache. */
  CELLWRIGHT_FORWARD_BLOCK_ROWS = 256,
  /* Backward a gradient is read and written once per block, so that many rows pay; but a segment
   * under a limit on memory is at least a block, so that many rows also are the least memory that a
   * tape can do with. */
  CELLWRIGHT_BACKWARD_BLOCK_ROWS = 1024,
  CELLWRIGHT_MOST_BLOCK_STEPS = 512,
  /* Rows that go through all phases of a stage before the next ones do. */
  CELLWRIGHT_CHUNK_ROWS = 128
};

#endif
