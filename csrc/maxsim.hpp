// MaxSim's arguments.
#pragma once

#include <cstdint>

#include "arguments.hpp"

namespace menura {

// Token embeddings of a batch of texts, padded to one length or packed one behind the other.
struct Sequences {
  const void* data;
  Dtype dtype;
  int64_t count;           // texts
  int64_t tokens;          // padded: a text's; packed: of all texts together
  int64_t batch_stride;    // in elements; of padded texts only
  int64_t row_stride;      // in elements
  const int64_t* offsets;  // [count + 1], where each packed text begins; null: padded
  const bool* mask;        // [count, tokens], one byte a token, of padded texts; null for "all"
  const float* scales;     // of int8 embeddings, one a token: [count, tokens] or [tokens]

  MENURA_INLINE int64_t length(int64_t text) const { return offsets ? offsets[text + 1] - offsets[text] : tokens; }
  MENURA_INLINE int64_t all_tokens() const { return offsets ? tokens : count * tokens; }
  // Number of the text's first token, counted over the batch.
  MENURA_INLINE int64_t first_token(int64_t text) const { return offsets ? offsets[text] : text * tokens; }
  MENURA_INLINE int64_t first_element(int64_t text) const {
    return offsets ? offsets[text] * row_stride : text * batch_stride;
  }
};

// Which queries meet which documents, and where the pair's score lies.
enum class Pairing : int {
  in_batch = 0,  // every query every document: query * documents + document
  grouped = 1,   // document j its query j / (documents / queries): j
  listed = 2,    // as the list says: the place in the list
};

struct MaxSim {
  Sequences query, document;
  int64_t dim;
  bool normalize;  // every token embedding to length 1, or zeros; not of int8
  Pairing pairing;
  const int64_t* pairs;  // [pair_count, 2]: query, document; of listed pairs only
  int64_t pair_count;
};

template <class T>
struct MaxSimForward : MaxSim {
  T* scores;       // one a pair
  Indices argmax;  // pair by pair, one a query token, masked ones too; null data when not wanted
};

// Query and document embeddings have one dtype, and so have their gradients.
template <class T>
struct MaxSimBackward : MaxSim {
  const T* grad;  // one a pair
  Indices argmax;
  void* grad_query;     // [queries, tokens, dim] or [tokens, dim], null when not wanted
  void* grad_document;  // the same
};

}  // namespace menura
