// The part of the object that all panes show, in pixels of the scan's frame. The mouse, fingers and keys move it.
const closest = 32; // pixels of the screen for one of the object

export class Viewport {
  constructor(changed) {
    this.changed = changed;
    this.row = 0; // in the middle
    this.col = 0;
    this.scale = 1; // pixels of the screen for one of the object
    this.width = 1; // of a pane, in pixels of the screen
    this.height = 1;
    this.fitted = true; // follows the object as it grows
    this.object = null;
  }

  // fit shows all of the object.
  fit() {
    this.fitted = true;
    const o = this.object;
    if (o && o.height > 0) {
      this.row = o.top + o.height / 2;
      this.col = o.left + o.width / 2;
      this.scale = Math.min(closest, 0.98 * Math.min(this.width / o.width, this.height / o.height));
    }
    this.changed();
  }

  // update takes in the object's box and the size of the panes.
  update(object, width, height) {
    const same = this.object && ["top", "left", "height", "width"].every((k) => this.object[k] === object[k]);
    if (same && width === this.width && height === this.height) {
      return;
    }
    [this.object, this.width, this.height] = [object, width, height];
    if (this.fitted) {
      this.fit();
    } else {
      this.changed();
    }
  }

  // toObject is the row and column under a point of a pane.
  toObject(x, y) {
    return { row: this.row + (y - this.height / 2) / this.scale, col: this.col + (x - this.width / 2) / this.scale };
  }

  // toPane is the point of a pane that shows a row and column.
  toPane(row, col) {
    return { x: this.width / 2 + (col - this.col) * this.scale, y: this.height / 2 + (row - this.row) * this.scale };
  }

  // zoom enlarges by a factor around a point.
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const fixed = this.toObject(x, y);
    this.scale = Math.min(closest, Math.max(2 ** -12, this.scale * factor));
    this.row = fixed.row - (y - this.height / 2) / this.scale;
    this.col = fixed.col - (x - this.width / 2) / this.scale;
    this.fitted = false;
    this.changed();
  }

  // move moves the object with the pointer, by pixels of the screen.
  move(dx, dy) {
    this.row -= dy / this.scale;
    this.col -= dx / this.scale;
    this.fitted = false;
    this.changed();
  }

  // level is the zoom of the tiles: a pixel of them is 2^level pixels of the object, about one of the screen.
  level() {
    return Math.min(12, Math.max(0, Math.ceil(Math.log2(1 / this.scale) - 0.25)));
  }

  // box is the part of the object that is visible.
  box() {
    const first = this.toObject(0, 0), last = this.toObject(this.width, this.height);
    return {
      top: Math.floor(first.row), left: Math.floor(first.col), bottom: Math.ceil(last.row) + 1, right: Math.ceil(last.col) + 1,
    };
  }

  // listen lets the mouse and keys on an element move the view. clicked is called for a click without a movement.
  listen(element, clicked, hovered) {
    let last = null, moved = 0;
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    }, { passive: false });
    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      [last, moved] = [event, 0];
    });
    element.addEventListener("pointermove", (event) => {
      hovered(this.toObject(event.offsetX, event.offsetY));
      if (last) {
        const dx = event.clientX - last.clientX, dy = event.clientY - last.clientY;
        moved += Math.abs(dx) + Math.abs(dy);
        last = event;
        if (moved > 3) {
          this.move(dx, dy);
        }
      }
    });
    element.addEventListener("pointerup", (event) => {
      if (last && moved <= 3) {
        clicked(this.toObject(event.offsetX, event.offsetY));
      }
      last = null;
    });
    element.addEventListener("pointerleave", () => hovered(null));
    element.addEventListener("keydown", (event) => {
      const step = 40;
      const act = {
        "+": () => this.zoom(1.5), "=": () => this.zoom(1.5), "-": () => this.zoom(1 / 1.5), 0: () => this.fit(),
        ArrowLeft: () => this.move(step, 0), ArrowRight: () => this.move(-step, 0),
        ArrowUp: () => this.move(0, step), ArrowDown: () => this.move(0, -step),
      }[event.key];
      if (act) {
        event.preventDefault();
        act();
      }
    });
  }
}
