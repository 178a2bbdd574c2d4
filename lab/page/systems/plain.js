// Draws a system of which nothing is known: its nodes and messages. And says what a system's own drawing file may have:
//
//   speaker          who says the `state` of a node in the state document, for its badge: "NameNode says: dead"
//   quiet            labels of messages that are not drawn until their button is pressed
//   summary(state)   a few words beside the title
//   drawNode(card, node, state)
//                    fills `.facts` (a sentence) and `.held` (what the node holds) in the card of a node; `node` is
//                    the member of `state.nodes` with its `name`
//   wrong(node)      what else is wrong with a node, besides its process, links and disk: a list of a few words each
//   start(section, view)
//                    makes what `drawMain` fills, once for each recording; `view.acts` says whether something can be done to what is shown
//   drawMain(section, state, view)
//                    draws what is the system's own, below the nodes
//   shell(state)     lines for "The same from a shell"; else those that the lab gives are shown
//   put(files)       stores files that were dropped on the page
//
// All are called with the state document at the cursor, whenever it has changed: draw from it alone, by `keyed`
// of dom.js, so that live, replay and backwards are the same and focus stays where it is. `systems/hdfs.js` is an example.

/** What there is. */
export function summary(state) {
  const number = Object.keys(state.nodes ?? {}).length;
  return number ? `${number} nodes` : "";
}
