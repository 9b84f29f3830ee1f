#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

REGISTER_OP("Tripled").Input("x: float").Output("y: float").SetShapeFn(
    [](::tensorflow::shape_inference::InferenceContext* context) {
      context->set_output(0, context->input(0));
      return ::tensorflow::Status();
    });

class TripledOp : public tensorflow::OpKernel {
 public:
  explicit TripledOp(tensorflow::OpKernelConstruction* context) : OpKernel(context) {}
  void Compute(tensorflow::OpKernelContext* context) override {
    const tensorflow::Tensor& x = context->input(0);
    tensorflow::Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    for (int64_t i = 0; i < x.NumElements(); ++i) y->flat<float>()(i) = 3 * x.flat<float>()(i);
  }
};
REGISTER_KERNEL_BUILDER(Name("Tripled").Device(tensorflow::DEVICE_CPU), TripledOp);
