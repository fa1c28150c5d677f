// Entry of every page. Each module finds its own elements and does nothing where there are none;
// pages read and submit without any of this.
import { onContent } from "./js/dom.js";
import "./js/htmx.js";
import "./js/guard.js";
import { startLive } from "./js/live.js";
import { startKeys } from "./js/keys.js";
import { startMenus } from "./js/menus.js";
import { refreshTimes } from "./js/times.js";
import { enhanceDrafts } from "./js/drafts.js";
import { enhanceDropzones } from "./js/dropzone.js";
import { enhanceSelects } from "./js/selects.js";
import { loadFigures } from "./js/figures.js";
import { showFlashes } from "./js/toast.js";
import { startCopy } from "./js/copy.js";
import { startFill } from "./js/fill.js";
import { startChoosing } from "./js/choose.js";
import { startWriting } from "./js/writing.js";
import { startMentions } from "./js/mention.js";
import { startRotation } from "./js/wall.js";

onContent((root) => {
  refreshTimes(root);
  enhanceDrafts(root);
  enhanceDropzones(root);
  enhanceSelects(root);
  loadFigures(root);
  showFlashes(root);
});
startMenus();
startCopy();
startFill();
startChoosing();
startWriting();
startMentions();
startKeys();
startLive();
startRotation();
